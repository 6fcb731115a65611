#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Texts under --choices, --regex, --json-schema, --json and --grammar are what they ask for."""
import json
import os
import re
import unittest

import support
import tiny_chat_model

SCHEMA = {"type": "object", "properties": {"z": {"type": "integer", "minimum": -5, "maximum": 120}, "a": {"type": ["null", "boolean"]},
                                           "k": {"enum": ["x", "\"y"]}}, "required": ["z", "k"]}


class Constraints(support.CommandLineTest):
    def samples(self, *arguments, count=20):
        """Samples of the bundled model, which knows letters, some marks and the digit 3."""
        return self.sample("--num-samples", str(count), *arguments)["samples"]

    def tiny(self):
        """A model with random weights that knows all of ASCII."""
        path = os.path.join(self.folder, "tiny.gguf")
        if not os.path.exists(path):
            tiny_chat_model.write(path)
        return path

    def finished(self, samples):
        """The texts of those that ended by themselves, of which there must be some."""
        texts = [sample["text"] for sample in samples if sample["finish_reason"] == "eos"]
        self.assertTrue(texts, samples)
        return texts

    def test_choices(self):
        samples = self.samples("--choices", "yea", "nay", "never")
        self.assertEqual(len(self.finished(samples)), 20)
        self.assertLessEqual({sample["text"] for sample in samples}, {"yea", "nay", "never"})
        self.assertGreater(len({sample["text"] for sample in samples}), 1)

    def test_a_model_behind_choices_is_none_of_them(self):
        text = self.generate("--prompt", "x", "--seed", "3", "--no-echo", "--choices", "7", "(2)", self.tiny())  # in no text of the bundled model
        self.assertIn(text, ("7\n", "(2)\n"))
        self.refuses(1, ["no-such.gguf: there is no such file"], "generate", "--prompt", "x", "--prompt-lookup", "no-such.gguf")

    def test_regex(self):
        pattern = r"[A-Z][a-z]{2,6}( [a-z]+){1,3}[.!]"
        for text in self.finished(self.samples("--regex", pattern)):
            self.assertRegex(text, f"^{pattern}$")
        cut = self.samples("--regex", pattern, "--max-tokens", "3")
        self.assertEqual({sample["finish_reason"] for sample in cut}, {"incomplete"})
        self.assertTrue(all(re.match("[A-Z][a-z]{2}$", sample["text"]) for sample in cut), cut)

    def test_an_end_comes_where_the_text_may_end_and_must_where_it_cannot_go_on(self):
        for sample in self.samples("--regex", "[ab]{2}", "--min-tokens", "50", "--max-tokens", "60"):
            self.assertEqual((len(sample["text"]), sample["finish_reason"]), (2, "eos"))
        for sample in self.samples("--regex", "a+", "--min-tokens", "9", "--max-tokens", "20"):
            self.assertGreaterEqual(len(sample["text"]), 9)

    def test_json_of_the_bundled_model_always_parses(self):
        for text in self.finished(self.samples("--json", "--temperature", "2", "--top-k", "0", "--top-p", "1")):
            json.loads(text)

    def test_json_schema(self):
        path = self.file("schema.json", json.dumps(SCHEMA).encode())
        arguments = ["--prompt", "x", "--seed", "3", "--format", "jsonl", "--num-samples", "40", "--max-tokens", "60", "--json-schema", path]
        for extra in ([], ["--any-order"]):
            orders = set()
            for text in self.finished(json.loads(self.generate(self.tiny(), *arguments, *extra))["samples"]):
                value = json.loads(text)
                self.assertLessEqual({"z", "k"}, value.keys())
                self.assertLessEqual(value.keys(), {"z", "a", "k"})
                self.assertTrue(isinstance(value["z"], int) and -5 <= value["z"] <= 120, text)
                self.assertIn(value["k"], ["x", "\"y"])
                self.assertIn(value.get("a"), [None, True, False])
                orders.add(tuple(value))
            in_order = orders <= {("z", "k"), ("z", "a", "k")}
            self.assertEqual(in_order, not extra, orders)

    def test_any_json(self):
        record = json.loads(self.generate(self.tiny(), "--prompt", "x", "--seed", "5", "--format", "jsonl", "--num-samples", "40",
                                          "--max-tokens", "80", "--json"))
        for text in self.finished(record["samples"]):
            json.loads(text)

    def test_a_dialogue(self):
        for text in self.finished(self.samples("--grammar", "dialogue", "--speakers", "ROMEO", "JULIET", "--turns", "3", "--max-tokens", "900",
                                               count=4)):
            self.assertRegex(text, r"\AROMEO: [^\n]+\nJULIET: [^\n]+\nROMEO: [^\n]+\n\Z")

    def test_with_prefix_ban_and_stop(self):
        for text in self.finished(self.samples("--regex", "(th[a-z]+ ?){2,4}", "--prefix", "tho", "--ban", "ou")):
            self.assertRegex(text, "^tho[a-z]* ?(th[a-z]+ ?){1,3}$")
            self.assertNotIn("ou", text)
        for sample in self.samples("--regex", "[a-c]{30}", "--stop-tokens", "b"):
            self.assertEqual(sample["finish_reason"], "stop_string")
            self.assertRegex(sample["text"], "^[ac]*$")
        self.refuses(2, ["prefix", "regex", "begins with"], "generate", "--prompt", "x", "--regex", "a+", "--prefix", "b")

    def test_a_dead_end_is_an_error(self):
        message = self.refuses(1, ["every token is forbidden", "the constraint", "banned text"], "generate", "--prompt", "x", "--seed", "1",
                               "--choices", "ab", "--ban", "b")
        self.assertIn("token 2", message)
        process = support.run("generate", "--device", "cpu", "--prompt", "x", "--seed", "1", "--format", "jsonl", "--choices", "ab", "--ban", "b")
        sample = json.loads(process.stdout)["samples"][0]
        self.assertEqual((process.returncode, sample["finish_reason"], sample["error"]["code"]), (1, "dead_end", "empty_support"))

    def test_a_limit_that_comes_first_is_told(self):
        reasons = {tokens: self.samples("--regex", "[a-c]{3,9}", "--max-tokens", tokens, "--ban-token-ids", "3", count=1)[0]["finish_reason"]
                   for tokens in ("2", "3", "9")}
        self.assertEqual(reasons, {"2": "incomplete", "3": "length", "9": "eos"})

    def test_beams_keep_to_it(self):
        found = self.samples("--regex", "( [A-Z][a-z]+){2}[.!]", "--beam-width", "4", "--num-return", "4", count=1)
        self.assertEqual(len({text for text in self.finished(found)}), 4)
        for sample in found:
            self.assertRegex(sample["text"], r"^( [A-Z][a-z]+){2}[.!]$")
        greedy = ["--regex", "( [A-Z][a-z]+){2}[.!]", "--prompt", "ROMEO:"]
        self.assertEqual(self.generate(*greedy, "--beam-width", "1"), self.generate(*greedy, "--temperature", "0"))
        found = self.samples("--choices", "yea", "nay", "never", "--beam-width", "8", "--num-return", "8", count=1)
        self.assertEqual({sample["text"] for sample in found}, {"yea", "nay", "never"})
        path = self.file("schema.json", json.dumps(SCHEMA).encode())
        record = json.loads(self.generate(self.tiny(), "--prompt", "x", "--format", "jsonl", "--max-tokens", "60", "--json-schema", path,
                                          "--beam-width", "4", "--num-return", "4"))
        for text in self.finished(record["samples"]):
            self.assertLessEqual({"z", "k"}, json.loads(text).keys())

    def test_lines_of_a_batch(self):
        lines = [{"prompt": "x", "choices": ["yea", "nay"]}, {"prompt": "x", "json-schema": {"enum": [True]}}, {"prompt": "x"},
                 {"prompt": "x", "regex": "("}, {"prompt": "x", "json": True, "regex": "a"}, {"prompt": "x", "json": False}]
        deep = {"enum": [True]}
        for _ in range(20):
            deep = {"allOf": [deep]}
        lines += [{"prompt": "x", "json-schema": deep}, {"prompt": "x", "json-schema": False}]
        path = self.file("in.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
        process = support.run("generate", "--device", "cpu", "--seed", "7", "--input", path, "--regex", "[a-c]{3}")
        records = [json.loads(line) for line in process.stdout.splitlines()]
        texts = [record["samples"][0]["text"] if "samples" in record else None for record in records]
        self.assertIn(texts[0], ["yea", "nay"])
        self.assertEqual(texts[1], "true")
        self.assertRegex(texts[2], "^[a-c]{3}$")
        self.assertIn("position 0", json.dumps(records[3]))
        self.assertIn("given together", json.dumps(records[4]))
        self.assertEqual(texts[6], "true")
        self.assertIn("no text at all matches it", json.dumps(records[7]))
        free = json.loads(self.generate("--prompt", "x", "--seed", "7", "--format", "jsonl"))
        self.assertEqual(texts[5], free["samples"][0]["text"], "a row without a constraint, beside others")

    def test_constraints_are_refused_by_name_and_place(self):
        base = ["generate", "--prompt", "x"]
        self.refuses(2, ["--choices and --json", "only one"], *base, "--json", "--choices", "a")
        self.refuses(2, ["--speakers", "--grammar"], *base, "--speakers", "A")
        self.refuses(2, ["--any-order", "--json-schema"], *base, "--any-order")
        self.refuses(2, ["regex", "position 1", "look-around"], *base, "--regex", "a(?=b)")
        self.refuses(2, ["regex", "limit"], *base, "--regex", "(a{1000}){1000}")
        self.refuses(2, ["can be written"], *base, "--regex", "[0-2]+")  # tokens the bundled model lacks
        path = self.file("bad.json", b'{"properties": {"a": {"not": {}}}}')
        self.refuses(2, ["#/properties/a", "not"], *base, "--json-schema", path)
        self.refuses(1, ["nowhere.json"], *base, "--json-schema", os.path.join(self.folder, "nowhere.json"))


if __name__ == "__main__":
    unittest.main()
