#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The endpoints of `fundamentallm serve`: what they answer, and what they refuse."""
import gzip
import json
import os
import re
import unittest

import server
import support

with open(os.path.join(os.path.dirname(support.MODEL), "tokenizer.json"), encoding="utf-8") as file:
    IDS = json.load(file)["char_to_id"]
NEUTRAL = ("--temperature", "1", "--top-k", "0", "--top-p", "1")  # the defaults of the interface


def ids_of(text):
    return [IDS[character] for character in text]


class Serve(support.CommandLineTest):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server()
        cls.addClassCleanup(cls.server.__exit__)

    def text(self, **fields):
        return self.server.complete(prompt="ROMEO:", **{"seed": 7, **fields})["choices"][0]["text"]

    def generated(self, *arguments):
        return self.sample(*NEUTRAL, *arguments)["samples"]

    def refused(self, status, words, fields, path="/v1/completions", **headers):
        """The error of a request that must get this status and a message with all these words."""
        got, reply = self.server.post(path, fields, **headers)
        self.assertEqual(got, status, reply)
        self.assertEqual(set(reply), {"error"})
        self.assertEqual(set(reply["error"]), {"message", "type", "param", "code"})
        for word in words:
            self.assertIn(word, reply["error"]["message"])
        return reply["error"]

    def test_it_says_where_it_listens(self):
        self.assertEqual(self.server.host, "127.0.0.1")
        self.assertEqual(self.server.get("/health"), (200, {"status": "ok"}))

    def test_models(self):
        status, reply = self.server.get("/v1/models")
        self.assertEqual((status, reply["object"], len(reply["data"])), (200, "list", 1))
        model = reply["data"][0]
        self.assertEqual((model["id"], model["object"], model["owned_by"], model["max_model_len"]), ("shakespeare", "model", "fundamentallm", 256))
        self.assertEqual(self.server.get("/v1/models/shakespeare"), (200, model))
        self.assertEqual(self.server.get("/v1/models/gpt-4")[0], 404)

    def test_a_completion(self):
        reply = self.server.complete(model="shakespeare", prompt="ROMEO:", seed=7, max_tokens=30)
        self.assertRegex(reply["id"], "^cmpl-[0-9a-f]{24}$")
        self.assertEqual((reply["object"], reply["model"]), ("text_completion", "shakespeare"))
        self.assertEqual(reply["usage"], {"prompt_tokens": 6, "completion_tokens": 30, "total_tokens": 36, "prompt_tokens_details": {"cached_tokens": 0}})
        wanted = self.generated("--max-tokens", "30")[0]["text"]
        self.assertEqual(reply["choices"], [{"index": 0, "text": wanted, "logprobs": None, "finish_reason": "length"}])
        self.assertEqual(len(self.text()), 16, "OpenAI's default of max_tokens")

    def test_prompts_in_every_form(self):
        one, two = "ROMEO:", "JULIET:\n"
        texts = [self.server.complete(prompt=prompt, seed=5)["choices"][0]["text"] for prompt in (one, two)]
        for prompt in ([one, two], [ids_of(one), ids_of(two)]):
            reply = self.server.complete(prompt=prompt, seed=5)
            self.assertEqual([choice["text"] for choice in reply["choices"]], texts)
            self.assertEqual([choice["index"] for choice in reply["choices"]], [0, 1])
            self.assertEqual(reply["usage"], {"prompt_tokens": 14, "completion_tokens": 32, "total_tokens": 46, "prompt_tokens_details": {"cached_tokens": 0}})
        self.assertEqual(self.server.complete(prompt=ids_of(one), seed=5)["choices"][0]["text"], texts[0])
        self.assertEqual(self.server.complete(prompt=[one], seed=5)["choices"][0]["text"], texts[0])
        self.assertEqual(len(self.server.complete(prompt="", min_tokens=16)["choices"][0]["text"]), 16)

    def test_samples(self):
        wanted = [sample["text"] for sample in self.generated("--max-tokens", "20", "--num-samples", "3")]
        reply = self.server.complete(prompt="ROMEO:", seed=7, max_tokens=20, n=3, best_of=3)
        self.assertEqual([choice["text"] for choice in reply["choices"]], wanted)
        self.assertEqual([choice["index"] for choice in reply["choices"]], [0, 1, 2])
        two = self.server.complete(prompt=["ROMEO:", "A"], seed=7, max_tokens=20, n=3)["choices"]
        self.assertEqual([choice["text"] for choice in two[:3]], wanted)
        self.assertEqual([choice["index"] for choice in two], list(range(6)))

    def test_every_sampling_field_means_what_its_flag_means(self):
        for field, value, *flags in (
                ("temperature", 0.5, "--temperature", "0.5"), ("temperature", 0, "--temperature", "0"), ("top_p", 0.6, "--top-p", "0.6"),
                ("top_k", 3, "--top-k", "3"), ("min_p", 0.2, "--min-p", "0.2"), ("repetition_penalty", 1.4, "--repetition-penalty", "1.4"),
                ("frequency_penalty", 1.5, "--frequency-penalty", "1.5"), ("presence_penalty", -1.5, "--presence-penalty", "-1.5"),
                ("logit_bias", {"40": 4.5, "7": -100}, "--logit-bias", "40=4.5", "7=-100"), ("seed", 2 ** 64 - 1, "--seed", str(2 ** 64 - 1)),
                ("stop", "e", "--stop-tokens", "e"), ("stop", ["th", "\n"], "--stop-tokens", "th", "\n"), ("stop_token_ids", [IDS["e"]], "--stop-token-ids", str(IDS["e"])),
                ("prefix", "\nO ", "--prefix", "\nO "), ("ban", ["e", "th"], "--ban", "e", "th"), ("ban_token_ids", [IDS["a"]], "--ban-token-ids", str(IDS["a"])),
                ("max_length", 12, "--max-length", "12"), ("min_length", 20, "--min-length", "20")):
            flags = [*NEUTRAL, *flags]
            if field != "seed":
                flags += ["--seed", "7"]
            for flag in flags[::2]:  # a later one replaces a neutral one
                while flag.startswith("--") and flags.count(flag) > 1:
                    place = flags.index(flag)
                    del flags[place:place + 2]
            record = json.loads(self.generate("--prompt", "ROMEO:", "--format", "jsonl", "--max-tokens", "24", *flags))
            self.assertEqual(self.text(max_tokens=24, **{field: value}), record["samples"][0]["text"], field)
        self.assertEqual(self.text(seed=-1), self.text(seed=2 ** 64 - 1))
        self.assertEqual(self.text(repetition_penalty=1.4, penalty_window=0), self.text(repetition_penalty=1.4))
        self.assertEqual(self.text(stop=["th"], keep_stop=True, min_tokens=2, max_tokens=100)[-2:], "th")

    def test_ends(self):
        for fields, reason in (({"stop": "e", "max_tokens": 100}, "stop"), ({"max_tokens": 3}, "length"), ({"max_tokens": 1000}, "length")):
            choice = self.server.complete(prompt="ROMEO:", seed=7, min_tokens=1, **fields)["choices"][0]
            self.assertEqual(choice["finish_reason"], reason, fields)

    def test_echo(self):
        self.assertEqual(self.text(echo=True), "ROMEO:" + self.text())
        for prompt in ("ROMEO:", ids_of("ROMEO:")):
            events = self.server.events(prompt=prompt, seed=7, echo=True)
            self.assertEqual(server.text_of(events), "ROMEO:" + self.text())

    def test_logprobs(self):
        choice = self.server.complete(prompt="ROMEO:", seed=7, max_tokens=5, logprobs=2)["choices"][0]
        wanted = self.generated("--max-tokens", "5", "--logprobs", "2")[0]["logprobs"]
        logprobs = choice["logprobs"]
        self.assertEqual("".join(logprobs["tokens"]), choice["text"])
        self.assertEqual(logprobs["text_offset"], [0, 1, 2, 3, 4])
        self.assertEqual(logprobs["token_logprobs"], [detail["logprob"] for detail in wanted])
        self.assertEqual(logprobs["top_logprobs"], [{entry["token"]: entry["logprob"] for entry in detail["top"]} for detail in wanted])
        parts = [part["logprobs"] for event in self.server.events(prompt="ROMEO:", seed=7, max_tokens=5, logprobs=2)[:-1]
                 for part in event["choices"] if part["logprobs"]]
        self.assertEqual({name: [value for part in parts for value in part[name]] for name in logprobs}, logprobs)

    def test_a_stream(self):
        events = self.server.events(prompt=["ROMEO:", "A"], seed=7, n=2, stop="e", max_tokens=40, stream_options={"include_usage": True})
        reply = self.server.complete(prompt=["ROMEO:", "A"], seed=7, n=2, stop="e", max_tokens=40)
        self.assertEqual(events[-1], "[DONE]")
        self.assertEqual((events[-2]["choices"], events[-2]["usage"]), ([], reply["usage"]))
        self.assertEqual({event["id"] for event in events[:-1]}, {events[0]["id"]})
        for event in events[:-2]:
            self.assertEqual((event["object"], event["model"], event["usage"]), ("text_completion", "shakespeare", None))
        for choice in reply["choices"]:
            parts = [part for event in events[:-2] for part in event["choices"] if part["index"] == choice["index"]]
            self.assertEqual("".join(part["text"] for part in parts), choice["text"])
            self.assertEqual([part["finish_reason"] for part in parts], [None] * (len(parts) - 1) + [choice["finish_reason"]])
        plain = self.server.events(prompt="ROMEO:", seed=7)
        self.assertNotIn("usage", plain[0])
        self.assertEqual((plain[-1], server.text_of(plain)), ("[DONE]", self.text()))

    def test_a_streams_head(self):
        with self.server.stream(prompt="A") as response:
            self.assertEqual((response.status, response.headers["Content-Type"]), (200, "text/event-stream"))
            self.assertEqual(response.headers["Transfer-Encoding"], "chunked")
            self.assertIsNone(response.headers["Access-Control-Allow-Origin"])
        old = self.server.raw(b"POST /v1/completions HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n"
                              b'{"prompt":"A","stream": true}')
        self.assertNotIn(b"chunked", old)
        self.assertTrue(old.endswith(b"data: [DONE]\n\n"), old)

    def test_a_model_without_a_template_holds_no_conversation(self):
        error = self.refused(400, ["has no chat template"], {"messages": [{"role": "user", "content": "Hello"}]}, "/v1/chat/completions")
        self.assertEqual((error["type"], error["code"]), ("invalid_request_error", "unsupported"))

    def test_values(self):
        for field, value, word in (("temperature", -1, "temperature: -1"), ("temperature", "1", 'temperature: "1"'), ("top_p", True, "top_p: true"), ("min_p", 2, "min_p: 2"),
                                   ("top_k", 1.5, "top_k: 1.5"), ("max_tokens", 0, "max_tokens: 0"), ("max_tokens", 2 ** 31, "max_tokens: 2147483648"),
                                   ("n", 0, "n: 0"), ("n", 5000, "n: 1 prompts with 5000"), ("best_of", 2, "best_of: 2"), ("seed", 1.5, "seed: 1.5"), ("seed", 2 ** 64, "seed:"),
                                   ("logprobs", 33, "logprobs: 33"), ("logprobs", True, "logprobs: true"), ("stop", "", "stop:"), ("stop", [1], "stop: 1"), ("stop", {}, "stop: an object"),
                                   ("logit_bias", {"x": 1}, 'logit_bias: "x"'), ("logit_bias", {"5": None}, "logit_bias: null"), ("logit_bias", {"999": 1}, "logit_bias: 999"),
                                   ("presence_penalty", 3, "presence_penalty: 3"), ("repetition_penalty", 0, "repetition_penalty: 0"), ("min_tokens", 17, "min_tokens: 17"),
                                   ("ban_token_ids", [69], "ban_token_ids: 69"), ("stream", 1, "stream: 1"), ("stream_options", {"x": 1}, "stream_options.x: unknown field"),
                                   ("suffix", "x", "suffix: not supported"), ("response_format", {"type": "xml"}, 'response_format: "xml"'),
                                   ("response_format", {"type": "json_object"}, "response_format: no text that matches"),  # without braces in the model
                                   ("regex", "a(?=b)", "regex: "), ("regex", 5, "regex: 5"), ("choices", [], "choices: 0"), ("choices", ["~"], "choices: "),
                                   ("response_format", {"type": "json_schema", "json_schema": {"schema": {"not": {}}}}, "is not supported"),
                                   ("use_beam_search", 1, "use_beam_search: 1"), ("beam_width", 0, "beam_width: 0"), ("beam_width", 65, "beam_width: 65: the batch has 64 rows"),
                                   ("beam_width", 321, "beam_width: 1 prompts with 321 beams each"), ("length_penalty", 1, "length_penalty: given without beam_width"),
                                   ("length_norm", "best", "length_norm: \"best\""), ("beam_stop", 1, "beam_stop: 1"), ("beam_profile", "vllm", "one of none, hf, ctranslate2"),
                                   ("diversity_groups", 2, "diversity_groups: given without"), ("temprature", 1, "temprature: unknown field"), ("tools", [1], "tools: unknown field")):
            extra = {"max_tokens": 3} if field == "min_tokens" else {}
            error = self.refused(400, [word], {"prompt": "A", **extra, field: value})
            self.assertEqual((error["type"], error["param"]), ("invalid_request_error", "stream_options" if field == "stream_options" else field))
        self.refused(400, ["logit_bias: 999", "temperature: -1"], {"prompt": "A", "logit_bias": {"999": 1}, "temperature": -1})
        self.refused(400, ["echo: given with logprobs"], {"prompt": "A", "echo": True, "logprobs": 1})
        for field in ("user", "metadata", "service_tier", "store"):
            self.server.complete(prompt="A", **{field: "x"})
        self.server.complete(prompt="A", temperature=None, stop=None, suffix="", response_format={"type": "text"}, use_beam_search=False)

    def test_beams(self):
        search = {"prompt": "ROMEO:", "max_tokens": 12, "stop": "e", "min_tokens": 4}
        wanted = self.sample("--beam-width", "5", "--num-return", "3", "--max-tokens", "12", "--stop-tokens", "e", "--min-tokens", "4")["samples"]
        for fields in ({"beam_width": 5, "n": 3}, {"use_beam_search": True, "best_of": 5, "n": 3}):  # the second is vLLM's way
            choices = self.server.complete(**search, **fields, logprobs=0)["choices"]
            self.assertEqual([choice["index"] for choice in choices], [0, 1, 2])
            for choice, sample in zip(choices, wanted):
                self.assertEqual((choice["text"], choice["score"], choice["normalised_score"]), (sample["text"], sample["score"], sample["normalised_score"]))
                self.assertEqual(choice["logprobs"]["token_logprobs"], [entry["logprob"] for entry in sample["logprobs"]])
        events = self.server.events(**search, beam_width=5, n=3, logprobs=0)[:-1]
        for choice in choices:
            parts = [part for event in events for part in event["choices"] if part["index"] == choice["index"]]
            self.assertEqual("".join(part["text"] for part in parts), choice["text"])
            self.assertEqual({key: parts[-1][key] for key in ("logprobs", "finish_reason", "score", "normalised_score")},
                             {key: choice[key] for key in ("logprobs", "finish_reason", "score", "normalised_score")})
            self.assertEqual([(part["logprobs"], "score" in part) for part in parts[:-1]], [(None, False)] * (len(parts) - 1))
        two = self.server.complete(**{**search, "prompt": ["A", "ROMEO:"]}, beam_width=5, n=3)["choices"]
        self.assertEqual([choice["index"] for choice in two], list(range(6)))
        self.assertEqual([choice["text"] for choice in two[3:]], [sample["text"] for sample in wanted])
        found = self.server.complete(prompt="A", beam_width=4, n=4, max_tokens=3, length_norm="power", length_penalty=2, beam_stop="never-early", diversity_groups=2,
                                     diversity_penalty=1)["choices"]
        for choice in found:
            self.assertAlmostEqual(choice["score"] / 9, choice["normalised_score"], places=5)
        drawn = {"prompt": "A", "beam_width": 3, "beam_sample": True, "temperature": 1.5, "top_k": 9}
        self.assertEqual(self.server.complete(**drawn, seed=1)["choices"], self.server.complete(**drawn, seed=1)["choices"])
        # Fewer hypotheses than were asked for: their numbers are those of their prompts.
        few = self.server.complete(prompt=["A", "A"], beam_width=3, n=3, max_tokens=1, regex=None, ban_token_ids=[i for i in range(69) if i not in (40, 41)])["choices"]
        self.assertEqual([choice["index"] for choice in few], [0, 1, 3, 4])
        for fields, words in (({"beam_width": 4, "n": 5}, ["n: 5: must be in [1, beam_width], 4"]), ({"beam_width": 4, "use_beam_search": False}, ["use_beam_search: false: given with beam_width"]),
                              ({"beam_width": 4, "best_of": 3}, ["best_of: 3: must be beam_width, 4"]), ({"beam_width": 4, "temperature": 0.5, "top_p": 0.9}, ["temperature: 0.5", "top_p: 0.9"]),
                              ({"beam_width": 4, "logprobs": 2}, ["logprobs: 2"]), ({"prompt": ["A"] * 100, "beam_width": 4}, ["beam_width: 100 prompts with 4 beams each"])):
            self.refused(400, words, {"prompt": "A", **fields})

    def test_constraints(self):
        schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": [True, False, None]}}}
        for fields, allowed in (({"choices": ["yea", "nay"]}, ("yea", "nay")), ({"regex": "(ab){2}c?"}, ("abab", "ababc")),
                                ({"response_format": schema}, ("true", "false", "null"))):
            choice = self.server.complete(prompt="A", seed=3, **fields)["choices"][0]
            self.assertIn(choice["text"], allowed)
            self.assertEqual(choice["finish_reason"], "stop")
        self.refused(400, ["only one of them"], {"prompt": "A", "regex": "a", "choices": ["a"]})
        self.refused(400, ["only one of them"], {"prompt": "A", "regex": "a", "response_format": schema})

    def test_prompts_that_are_none(self):
        for prompt in (5, [], {}, ["A", 1], [[1], "A"], [["A"]], [1.5], [True], [[1], []][:0], [-1], [69], [2 ** 40]):
            self.assertEqual(self.refused(400, ["prompt: "], {"prompt": prompt})["param"], "prompt", prompt)
        for fields in ({}, {"prompt": None}):
            self.refused(400, ["prompt: it is needed"], fields)
        error = self.refused(400, ["300 tokens", "context of 256"], {"prompt": "a" * 300})
        self.assertEqual(error["code"], "context_length_exceeded")
        self.refused(400, ["(prompt 1)"], {"prompt": ["A", "a" * 300]})
        self.assertEqual(self.server.until(lambda m: m["fundamentallm_running_rows"] == 0, "no rows")["fundamentallm_samples_in_flight"], 0)
        self.assertEqual(len(self.server.complete(prompt="a" * 300, truncate_prompt=True, min_tokens=16)["choices"][0]["text"]), 16)

    def test_messages_that_are_none(self):
        user = {"role": "user", "content": "A"}
        for messages, word in ((5, "messages: 5"), ([], "messages: []: at least one"), (["A"], 'messages[0]: "A"'), ([{"content": "A"}], "messages[0].role: it is needed"),
                               ([user, {"role": "tool", "content": "A"}], 'messages[1].role: "tool"'), ([{"role": "user"}], "messages[0].content: null"),
                               ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], 'messages[0].content: "image_url"'),
                               ([{"role": "user", "content": [{"type": "text", "text": 5}]}], "messages[0].content.text: 5"),
                               ([{**user, "name": "Bob"}], "messages[0].name: not supported"), ([{**user, "tool_calls": [1]}], "messages[0].tool_calls: not supported")):
            self.refused(400, [word], {"messages": messages}, "/v1/chat/completions")
        for field, value, word in (("tools", [{}], "tools: not supported"), ("tool_choice", "required", 'tool_choice: "required"'), ("top_logprobs", 2, "given without logprobs"),
                                   ("functions", [{}], "functions: not supported"), ("audio", {"a": 1}, "audio: not supported"), ("modalities", ["audio"], "modalities: an array"),
                                   ("response_format", {"type": "json_schema"}, "response_format.json_schema.schema: a JSON Schema is needed"), ("response_format", {"type": "text", "foo": 1}, "response_format.foo: unknown field"), ("response_format", {"type": "text", "json_schema": {"schema": True}}, "given without the type json_schema"),
                                   ("response_format", {"type": "json_schema", "json_schema": {"schema": True, "name": "a", "bar": 1}}, "response_format.json_schema.bar: unknown field"), ("reasoning_effort", "low", "reasoning_effort: not supported"),
                                   ("prompt", "A", "prompt: unknown field"), ("best_of", 1, "best_of: unknown field")):
            self.refused(400, [word], {"messages": [user], field: value}, "/v1/chat/completions")

    def test_all_violations_at_once(self):
        error = self.refused(400, ["temperature: -1", "nosuch: unknown field", "top_k: \"x\"", "prompt: it is needed", "min_p: 7"],
                             {"temperature": -1, "nosuch": 1, "top_k": "x", "min_p": 7})
        self.assertEqual(error["param"], "nosuch")

    def test_a_failing_sample(self):
        error = self.refused(400, ["every token is forbidden"], {"prompt": "A", "ban_token_ids": list(range(69))})
        self.assertEqual(error["code"], "no_token_allowed")
        events = self.server.events(prompt="A", ban_token_ids=list(range(69)))
        self.assertEqual([list(event) for event in events], [["error"]])

    def test_another_model(self):
        error = self.refused(404, ['model: "gpt-4": ', "shakespeare"], {"model": "gpt-4", "prompt": "A"})
        self.assertEqual((error["param"], error["code"]), ("model", "model_not_found"))

    def test_bodies_that_are_no_json_object(self):
        deep = b'{"prompt":' + b"[" * 100_000
        for body, words in ((b"", ["not valid JSON"]), (b"{", ["not valid JSON at byte"]), (b"[]", ["JSON array"]), (b"null", ["JSON null"]), (deep, ["nested deeper"]),
                            (b'{"prompt":' + b"[" * 72 + b"]" * 72 + b"}", ["nested deeper"]), (b'{"prompt":"\xff"}', ["not valid JSON at byte 12"]),
                            (b'{"prompt":"\\ud800"}', ["not valid JSON"]), (b'{"prompt":"A","seed":1e999}', ["number"]), (b'{"prompt":"A","prompt":"B"}', ["prompt: this key stands twice"]),
                            (b'{"prompt":"A","logit_bias":{"1":1,"1":2}}', ["1: this key stands twice"]), (b'{"prompt":"A"} x', ["not valid JSON"]), (b'{"prompt":NaN}', ["not valid JSON"]),
                            (b'{"a":[' + b"0," * 500_001 + b"0]}", ["unknown field"][:0] + ["values"][:0] + ["a: unknown field"])):
            self.refused(400, words, body)
        values = b'{"prompt":[' + b"0," * 450_000 + b"0]}"
        self.refused(400, ["context of 256"], values)

    def test_what_is_no_request(self):
        json_type = {"Content-Type": "application/json"}
        for status, method, path, body, headers in (
                (404, "GET", "/", None, {}), (404, "GET", "/v1/models/", None, {}), (404, "POST", "/v1/completions/", b"{}", json_type), (404, "GET", "/../etc/passwd", None, {}),
                (404, "GET", "/v1/%00completions", None, {}), (405, "GET", "/v1/completions", None, {}), (405, "POST", "/health", b"{}", json_type), (405, "OPTIONS", "/v1/completions", None, {}),
                (415, "POST", "/v1/completions", b"{}", {"Content-Type": "text/plain"}), (415, "POST", "/v1/completions", b"{}", {"Content-Type": "application/jsonx"}),
                (415, "POST", "/v1/completions", gzip.compress(b"0" * 100_000_000), {**json_type, "Content-Encoding": "gzip"}),
                (413, "POST", "/v1/completions", b"0" * 1_048_577, json_type), (413, "POST", "/v1/completions", b"", {**json_type, "Content-Length": "9" * 40}),
                (400, "POST", "/v1/completions", b"{}", {**json_type, "Content-Length": "-1"}), (400, "POST", "/v1/completions", b"{}", {**json_type, "Content-Length": "2x"}),
                (414, "GET", "/" + "x" * 9000, None, {}), (400, "GET", "/health", None, {"X": "x" * 9000}), (416, "GET", "/health", None, {"Range": "bytes=x"}),
                (200, "GET", "/health", None, {"Range": "bytes=0-1"}), (200, "HEAD", "/health", None, {})):
            got, headers, reply = self.server.request(method, path, body, headers)
            self.assertEqual(got, status, (method, path[:30]))
            if status == 405:
                self.assertEqual(headers["Allow"], "POST" if "completions" in path else "GET")
            if status >= 400:
                self.assertEqual(set(json.loads(reply)["error"]), {"message", "type", "param", "code"})

    def test_what_is_no_http(self):
        self.assertIn(b"400", self.server.raw(b"\x16\x03\x01 nothing\r\n\r\n"))
        self.assertEqual(self.server.raw(b"GET /" + b"x" * 100_000), b"")
        self.assertIn(b"400", self.server.raw(b"GET /health HTTP/1.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n"))
        head = b"POST /v1/completions HTTP/1.1\r\nContent-Type: application/json\r\n"
        self.assertIn(b"411", self.server.raw(head + b"\r\n"))
        chunked = head + b"Transfer-Encoding: chunked\r\n"
        self.assertIn(b" 200 ", self.server.raw(chunked + b"Connection: close\r\n\r\nE\r\n{\"prompt\":\"A\"}\r\n0\r\n\r\n"))
        self.assertIn(b" 413 ", self.server.raw(chunked + b"\r\n" + b"10000\r\n" + b" " * 65536 + b"\r\n" * 1 + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 16 + b"0\r\n\r\n"))
        self.assertIn(b"400", self.server.raw(chunked + b"Content-Length: 2\r\n\r\n{}"))
        self.assertIn(b"400", self.server.raw(head + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"))

    def test_what_a_prompt_shares_with_an_earlier_one(self):
        prompt = "When shall we three meet again? "
        for cached in (0, 16):  # whole blocks, but for the last token, which is read again
            reply = self.server.complete(prompt=prompt, seed=1)
            self.assertEqual(reply["usage"]["prompt_tokens_details"], {"cached_tokens": cached})
        reply = self.server.complete(prompt=[prompt, "In thunder, lightning, or in rain?", prompt + "again"], seed=1, n=2)
        self.assertEqual(reply["usage"]["prompt_tokens_details"], {"cached_tokens": 16 + 0 + 32})

    def test_a_connection_is_kept(self):
        connection = self.server.connect()
        self.addCleanup(connection.close)
        body = json.dumps({"prompt": "ROMEO:", "seed": 7})
        headers = {"Content-Type": "application/json"}
        texts = []
        for fields in (body, json.dumps({"prompt": 5}), json.dumps({"prompt": "ROMEO:", "seed": 7, "stream": True}), body):
            connection.request("POST", "/v1/completions", fields, headers)
            address = connection.sock.getsockname()
            response = connection.getresponse()
            self.assertFalse(response.will_close)
            reply = response.read()
            self.assertEqual(connection.sock.getsockname(), address, "the same connection")
            if b"data: " in reply:
                events = [part[6:] for part in reply.decode().split("\n\n") if part]
                self.assertEqual(events.pop(), "[DONE]")
                texts.append(server.text_of(json.loads(event) for event in events))
            elif response.status == 200:
                texts.append(json.loads(reply)["choices"][0]["text"])
        self.assertEqual(texts, [self.text()] * 3)
        connection.request("GET", "/health", headers={"Connection": "Close"})
        self.assertTrue(connection.getresponse().will_close)

    def test_requests_that_come_at_once_are_answered_in_order(self):
        replies = self.server.raw(b"GET /health HTTP/1.1\r\n\r\n" + b"GET /nosuch HTTP/1.1\r\nConnection: close\r\n\r\n" + b"GET /health HTTP/1.1\r\n\r\n")
        self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+) ", replies), [b"200", b"404"])

    def test_a_body_that_is_not_read_is_no_request(self):
        inner = b"GET /health HTTP/1.1\r\n\r\n"
        for head, status in ((b"POST /v1/completions HTTP/1.1\r\nContent-Type: text/plain\r\n", b"415"), (b"POST /nosuch HTTP/1.1\r\n", b"404"),
                             (b"GET /health HTTP/1.1\r\n", b"200"), (b"DELETE /v1/completions HTTP/1.1\r\n", b"405")):
            replies = self.server.raw(head + b"Content-Length: %d\r\n\r\n" % len(inner) + inner)
            self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+) ", replies), [status], head)
            self.assertIn(b"\r\nConnection: close\r\n", replies)

    def test_drafts_change_no_text(self):
        plain = self.text(max_tokens=40)
        before = self.server.metrics()
        self.assertEqual(self.text(max_tokens=40, prompt_lookup=2, draft_tokens=4), plain)
        after = self.server.metrics()
        for name, least in (("speculative_tokens", 40), ("speculative_steps", 1), ("drafted_steps", 1), ("drafted_tokens", 1), ("accepted_tokens", 0)):
            self.assertGreaterEqual(after[f"fundamentallm_{name}_total"], before[f"fundamentallm_{name}_total"] + least)
        self.refused(400, ["draft_model"], {"prompt": "A", "speculation": "ratio"})
        self.refused(400, ["draft_forced", "constraint"], {"prompt": "A", "draft_forced": True})
        self.assertEqual(self.text(max_tokens=40, choices=["a" * 30], draft_forced=True), "a" * 30)
        self.assertGreater(self.server.metrics()["fundamentallm_accepted_tokens_total"], after["fundamentallm_accepted_tokens_total"] + 20)
        draft = os.path.join(os.path.dirname(support.MODEL), "draft")
        with server.Server("--draft-model", draft, "--draft-tokens", "3") as other:
            self.assertEqual(other.complete(prompt="ROMEO:", seed=7, max_tokens=40)["choices"][0]["text"], plain)
            self.assertGreater(other.metrics()["fundamentallm_accepted_tokens_total"], 5)

    def test_metrics(self):
        before = self.server.metrics()
        self.server.complete(prompt="ROMEO:", max_tokens=5, min_tokens=5, n=2)
        self.server.post("/v1/completions", {"prompt": 5})
        after = self.server.metrics()
        for name, grown in (("fundamentallm_generated_tokens_total", 10), ("fundamentallm_prompts_finished_total", 1), ("fundamentallm_request_seconds_count", 1),
                            ('fundamentallm_http_requests_total{endpoint="/v1/completions",status="200"}', 1), ("fundamentallm_time_to_first_token_seconds_count", 1),
                            ('fundamentallm_http_requests_total{endpoint="/v1/completions",status="400"}', 1), ('fundamentallm_request_seconds_bucket{le="+Inf"}', 1)):
            self.assertEqual(after[name] - before.get(name, 0), grown, name)
        self.assertEqual(after["fundamentallm_samples_limit"], 320)
        self.assertEqual(after["fundamentallm_requests_in_flight"], 0)


class Usage(support.CommandLineTest):
    def test_all_violations_at_once(self):
        message = self.refuses(2, ["--port: 65536", "--timeout: 0", "--max-rows: 0", "--max-connections: 901", "--max-body: 0", "--max-queue: -1", "--max-tokens: 0", "--api-key", "--device"],
                               "serve", "--port", "65536", "--timeout", "0", "--max-rows", "0", "--max-connections", "901", "--max-body", "0", "--max-queue=-1", "--max-tokens", "0",
                               "--api-key", "a b", "--device", "tpu")
        self.assertNotIn("a b", message, "a secret")

    def test_an_address_that_cannot_be_had(self):
        with server.Server() as running:
            self.refuses(1, [f"cannot listen on 127.0.0.1, port {running.port}: Address already in use"], "serve", "--device", "cpu", "--port", str(running.port))
        self.refuses(1, ["cannot listen on 192.0.2.1"], "serve", "--device", "cpu", "--host", "192.0.2.1", "--port", "0")
        self.refuses(1, ["/nosuch.pt"], "serve", "/nosuch.pt")


if __name__ == "__main__":
    unittest.main()
