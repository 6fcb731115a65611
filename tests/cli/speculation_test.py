#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Speculative decoding as a user asks for it: flags of generate, keys of JSONL lines, what is reported and refused."""
import json
import os
import unittest

import support
import tiny_chat_model

DRAFT = os.path.join(support.ROOT, "apps", "models", "shakespeare", "draft", "model.pt")
SONG = "row row row your boat gently down the stream\nrow row row your boat"


class Speculation(support.CommandLineTest):
    def record(self, *arguments):
        return self.sample("--max-tokens", "60", *arguments)

    def text(self, *arguments):
        return self.record(*arguments)["samples"]

    def test_coupled_text_is_the_one_without_drafts(self):
        wanted = self.text("--num-samples", "3")
        for flags in (("--prompt-lookup",), ("--prompt-lookup", "1", "--draft-tokens", "5"), ("--draft-model", DRAFT),
                      ("--draft-model", DRAFT, "--draft-tokens", "4", "--speculation", "coupled"),
                      ("--draft-model", DRAFT, "--speculation", "off")):
            self.assertEqual(self.text("--num-samples", "3", *flags), wanted, flags)

    def test_greedy_text_is_the_same_with_both_rules(self):
        wanted = self.generate("--prompt", SONG, "--temperature", "0", "--max-tokens", "80")
        for rule in ("coupled", "ratio"):
            for source in (("--draft-model", DRAFT), ("--prompt-lookup", "3")):
                flags = ("--speculation", rule, "--draft-tokens", "auto", *source)
                self.assertEqual(self.generate("--prompt", SONG, "--temperature", "0", "--max-tokens", "80", *flags), wanted)

    def test_turns_of_a_dialogue_count_their_own_drafts(self):
        arguments = ("dialogue", "--speakers", "ROMEO", "JULIET", "--turns", "4", "--seed", "5", "--device", "cpu", "--format", "jsonl")
        plain = [json.loads(line) for line in self.ok(*arguments).splitlines()]
        turns = [json.loads(line) for line in self.ok(*arguments, "--draft-model", DRAFT, "--draft-tokens", "4").splitlines()]
        for turn in turns:
            stats = turn.pop("speculation")
            self.assertEqual(stats["tokens"], len(turn["tokens"]))
            self.assertLess(stats["steps"], stats["tokens"])
            self.assertGreater(stats["accepted_tokens"], 0)
        self.assertEqual(turns, plain)

    def test_ratio_text_is_repeatable(self):
        flags = ("--draft-model", DRAFT, "--speculation", "ratio", "--draft-tokens", "3")
        first = self.record(*flags)
        self.assertEqual(self.record(*flags)["samples"], first["samples"])
        self.assertGreater(first["speculation"]["acceptance_rate"], 0.3)

    def test_what_came_of_it_is_reported(self):
        self.assertNotIn("speculation", self.record())
        found = self.record("--draft-model", DRAFT, "--draft-tokens", "4", "--speculation", "ratio")["speculation"]
        self.assertEqual(list(found), ["steps", "drafted_steps", "drafted_tokens", "accepted_tokens", "tokens", "acceptance_rate",
                                       "mean_accepted_length", "tokens_per_step"])
        self.assertAlmostEqual(found["accepted_tokens"] / found["drafted_tokens"], found["acceptance_rate"])
        self.assertAlmostEqual(found["accepted_tokens"] / found["drafted_steps"], found["mean_accepted_length"])
        self.assertAlmostEqual(found["tokens"] / found["steps"], found["tokens_per_step"])
        self.assertGreater(found["tokens_per_step"], 1.5)
        for command in (("generate", "--prompt", SONG, "--max-tokens", "40"), ("dialogue", "--prompt", SONG, "--turns", "2"), ("interactive",)):
            process = support.run(*command, "--device", "cpu", "--prompt-lookup", "--verbose", stdin=SONG.encode())
            self.assertRegex(process.stderr.decode(), r"\d+ of \d+ drafts accepted \(\d+\.\d%\), \d+\.\d+ .* tokens per step", command)

    def test_what_a_schema_forces_costs_no_steps(self):
        schema = {"type": "object", "properties": {name: {"type": "boolean"} for name in ("is_it_raining", "is_it_cold")}}
        schema["required"] = list(schema["properties"])
        arguments = ("--prompt", "x", "--seed", "3", "--max-tokens", "80", "--format", "jsonl", "--device", "cpu", "--json-schema",
                     self.file("schema.json", json.dumps(schema).encode()))
        pairs = (("i", "s"), ("is", "_"), ("r", "a"), ("ra", "i"), ("n", "g"), ("i", "t"))
        tokens_per_step = []
        for name, merges in (("letters.gguf", ()), ("merged.gguf", pairs)):
            model = os.path.join(self.folder, name)
            tiny_chat_model.write(model, merges=merges)
            plain, *found = (json.loads(self.ok("generate", model, *arguments, *more))
                             for more in ((), ("--draft-forced",), ("--draft-forced", "--draft-tokens", "16")))
            self.assertLessEqual(set(json.loads(plain["samples"][0]["text"])), set(schema["required"]))
            for record in found:
                self.assertEqual(record["samples"], plain["samples"])
            tokens_per_step += [record["speculation"]["tokens_per_step"] for record in found]
        self.assertGreater(tokens_per_step[0], 3)
        self.assertGreater(tokens_per_step[1], tokens_per_step[0])
        self.assertGreater(tokens_per_step[0], tokens_per_step[2])  # several tokens spell the same: it is guessed which
        self.assertGreater(tokens_per_step[2], 1.5)

    def test_known_text_is_spelled_as_a_guess(self):
        schema = {"type": "object", "properties": {"it is raining": {"type": "boolean"}}, "required": ["it is raining"]}
        model = os.path.join(self.folder, "merged.gguf")
        tiny_chat_model.write(model, merges=(("i", "t"), ("\u0120", "i"), ("\u0120i", "s"), ("r", "a"), ("i", "n"), ("in", "g")))
        arguments = ("generate", model, "--prompt", "x", "--max-tokens", "60", "--format", "jsonl", "--device", "cpu", "--json-schema",
                     self.file("spelled.json", json.dumps(schema).encode()), "--draft-forced", "--draft-tokens", "6", "--num-samples", "8")
        for rule in ("coupled", "ratio"):
            record = json.loads(self.ok(*arguments, "--speculation", rule))
            for sample in record["samples"]:
                self.assertEqual(list(json.loads(sample["text"])), schema["required"])
            found = record["speculation"]
            self.assertGreater(found["acceptance_rate"], 0.1)
            self.assertLess(found["acceptance_rate"], 0.9)  # the model spells it in every way
            self.assertGreater(found["tokens_per_step"], 1.1)

    def test_lines_have_their_own(self):
        lines = [{"prompt": SONG, "seed": 5, "max_tokens": 50, **more} for more in (
            {}, {"prompt_lookup": True}, {"prompt-lookup": 2, "draft_tokens": "auto"}, {"prompt_lookup": 4, "draft_tokens": 7},
            {"draft_tokens": 3}, {"speculation": "off"}, {"draft_forced": True, "regex": "o{40}"}, {"prompt_lookup": 17},
            {"draft_tokens": "many"}, {"draft-model": "x"}, {"draft-forced": True})]
        name = self.file("in.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
        process = support.run("generate", "--device", "cpu", "--input", name, "--draft-model", DRAFT, "--quiet")
        self.assertEqual(process.returncode, 1)
        records = [json.loads(line) for line in process.stdout.splitlines()]
        self.assertEqual({record["samples"][0]["text"] for record in records[:6]}, {records[0]["samples"][0]["text"]})
        self.assertEqual([index for index, record in enumerate(records) if "speculation" in record], [0, 1, 2, 3, 4, 6])
        self.assertEqual(records[6]["speculation"]["drafted_tokens"], 41 - records[6]["speculation"]["steps"] + 1)  # the end is one
        for record, words in zip(records[7:], ("prompt-lookup: 17: must be in [0, 16]", "draft-tokens: \"many\": auto or a whole number", "whole run", "draft-forced: given: needs")):
            self.assertIn(words, record["error"]["message"])

    def test_what_the_command_line_says_is_left_out_of_lines_it_cannot_help(self):
        lines = [{"prompt": SONG, "seed": 5, "max_tokens": 30, **more} for more in (
            {"regex": "o{20}"}, {"prefix": "and"}, {}, {"beam_width": 2}, {"draft_forced": False}, {"beam_width": 2, "prompt_lookup": 2},
            {"draft_tokens": 3})]
        name = self.file("in.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
        for source, expected in ((("--draft-model", DRAFT), [0, 1, 2, 4, 6]), (("--draft-forced",), [0, 1]),
                                 (("--draft-model", DRAFT, "--draft-forced"), [0, 1, 4, 6]), (("--prompt-lookup", "--draft-forced"), [0, 1, 2, 4, 6])):
            process = support.run("generate", "--device", "cpu", "--input", name, "--quiet", *source)
            records = [json.loads(line) for line in process.stdout.splitlines()]
            self.assertEqual([index for index, record in enumerate(records) if "speculation" in record], expected, source)
            self.assertIn("beam search", records[5]["error"]["message"])
            self.assertEqual([index for index, record in enumerate(records) if "error" in record], [5] if expected[-1] == 6 else [5, 6], source)

    def test_what_does_not_fit_is_refused(self):
        usage = ("generate", "--device", "cpu", "--prompt", "K")
        self.refuses(2, ["--draft-tokens: given without --draft-model, --prompt-lookup or --draft-forced"], *usage, "--draft-tokens", "4")
        self.refuses(2, ["--speculation: given without"], *usage, "--speculation", "ratio")
        self.refuses(2, ["--draft-tokens: 17: must be in [1, 16], or 0"], *usage, "--prompt-lookup", "--draft-tokens", "17")
        self.refuses(2, ["--draft-tokens: 'many': auto or a whole number"], *usage, "--prompt-lookup", "--draft-tokens", "many")
        self.refuses(2, ["--speculation", "beam search"], *usage, "--prompt-lookup", "3", "--beam-width", "2")
        self.refuses(2, ["'guess'", "coupled, ratio, off"], *usage, "--prompt-lookup", "3", "--speculation", "guess")
        self.refuses(2, ["--draft-forced: given: needs a constraint or a prefix"], *usage, "--draft-forced")
        self.refuses(1, ["--draft-model: ", "no-such-model"], *usage, "--draft-model", "no-such-model.pt")

    def test_the_draft_has_the_same_tokens(self):
        with open(os.path.join(os.path.dirname(DRAFT), "tokenizer.json"), "rb") as file:
            tokenizer = file.read()
        with open(DRAFT, "rb") as file:
            model = self.file("model.pt", file.read())
        self.file("tokenizer.json", tokenizer.replace(b'"!": 6', b'"%": 6'))
        self.refuses(2, ["token 6 is \"%\", and in the model \"!\""], "generate", "--device", "cpu", "--prompt", "K", "--draft-model", model)


if __name__ == "__main__":
    unittest.main()
