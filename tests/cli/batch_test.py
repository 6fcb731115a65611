#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""JSONL batches: order, bad lines, keys, independence of the batch."""
import json
import os
import unittest

import support


class Batch(support.CommandLineTest):
    def batch(self, lines, *arguments, code=0):
        path = self.file("in.jsonl", b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines) + b"\n")
        process = support.run("generate", "--input", path, "--device", "cpu", *arguments)
        self.assertEqual(process.returncode, code, process.stderr.decode())
        return [json.loads(line) for line in process.stdout.decode().splitlines()]

    def test_order_ids_and_flags_as_keys(self):
        records = self.batch([{"prompt": "ROMEO:", "id": "first", "max-tokens": 3, "seed": 1},
                              {"prompt": "JULIET:", "max_tokens": 4, "num_samples": 2, "temperature": 0, "stop-tokens": ["."]},
                              {"prompt": "KING:", "logit-bias": ["40=100"], "max-tokens": 2, "preset": "creative", "logprobs": 1}])
        self.assertEqual([record["id"] for record in records], ["first", 1, 2])
        self.assertEqual([len(record["samples"]) for record in records], [1, 2, 1])
        self.assertEqual(records[2]["samples"][0]["tokens"], [40, 40])
        self.assertIn("top", records[2]["samples"][0]["logprobs"][0])

    def test_flags_are_defaults_for_every_line(self):
        records = self.batch([{"prompt": "A"}, {"prompt": "B", "max-tokens": 2}], "--max-tokens", "7", "--min-tokens", "1", "--temperature", "0")
        self.assertEqual(len(records[1]["samples"][0]["tokens"]), 2)
        self.assertLessEqual(len(records[0]["samples"][0]["tokens"]), 7)

    def test_a_prompt_shares_what_an_earlier_one_has_read(self):
        prompt = {"prompt": "A" * 33, "max-tokens": 1}
        records = self.batch([{**prompt, "num-samples": 256}, prompt])  # the first has all rows
        self.assertEqual([record["usage"]["cached_tokens"] for record in records], [0, 32])

    def test_bad_lines_keep_their_place(self):
        records = self.batch([{"prompt": "ROMEO:", "max-tokens": 3}, b"not json", {"prompt": "A", "temperature": -3}, {"prompt": "A", "bogus": 1},
                              {"prompt": 5}, {"prompt": "x" * 300}, b'{"prompt":"\xff"}', {"prompt": "KING:", "max-tokens": 3}], code=1)
        self.assertEqual(["error" in record for record in records], [False, True, True, True, True, True, True, False])
        self.assertIn("-3", records[2]["error"]["message"])
        self.assertIn("bogus", records[3]["error"]["message"])
        self.assertIn("300", records[5]["error"]["message"])

    def message(self, line):
        """What is wrong with a line, alone in its batch."""
        return self.batch([line], code=1)[0]["error"]["message"]

    def test_messages_name_what_is_wrong_alone(self):
        self.assertEqual(self.message({"prompt": 5}), "prompt: 5: a string is allowed")
        self.assertEqual(self.message({"prompt": "A", "json-schema": 3}), "json-schema: 3: a schema (an object, true or false), or the name of its file, is allowed")
        self.assertEqual(self.message({"seed": 1}), "no prompt: prompt, prompt-file or messages is needed")
        self.assertEqual(self.message({"prompt-file": "-"}), "prompt-file: '-': stdin is allowed on the command line only")
        self.assertEqual(self.message({"prompt": "A", "logit-bias": {"x": 3, "5": "y"}}),
                         'logit-bias: "y": a finite number is allowed; logit-bias: \'x\': a token id is allowed as a key')
        self.assertEqual(self.message({"prompt": "A", "min-tokens": 5, "max-tokens": 3}), "min-tokens: 5: must be at most max-tokens, 3")
        self.assertEqual(self.message({"prompt": "A", "prefix": "a\nmin_tokens: \u009b", "max-tokens": 99}),
                         'prefix: "a\\nmin_tokens: \u009b": no allowed token continues it at byte 5; it must be text the model can write')
        self.assertIn("truncate-prompt keeps its end", self.message({"prompt": "a" * 300}))

    def test_json_that_is_none(self):
        for line, words in ((b"x", "the line is not valid JSON at byte 1: invalid literal"), (b'{"prompt":"\\ud800"}', "surrogate"), (b'{"prompt":"A"', "byte 14"),
                            (b'{"prompt":"A"} {}', "byte 16"), (b'{"prompt":"A"}\0 {', "the line is not valid JSON at byte 15: a NUL"), (b'{"prompt":"\xed\xa0\x80"}', "byte 11 of the line is not valid UTF-8"),
                            (b'{"prompt":"A","seed":1e999}', "too large"), (b"[" * 100000, "nested deeper than 72 levels"), (b"null", "JSON null")):
            self.assertIn(words, self.message(line))

    def test_no_key_stands_twice(self):
        self.assertEqual(self.message(b'{"prompt":"A","max_tokens":1,"max-tokens":2}'), "'max-tokens': this key stands twice")
        self.assertEqual(self.message(b'{"prompt":"A","logit_bias":{"40":1,"40":2}}'), "'40': this key stands twice")
        self.assertEqual(len(self.batch([b'{"prompt":"A","logit_bias":{"4":1,"5":2},"max_tokens":1}'])), 1)

    def test_ids_come_back_as_they_were_given(self):
        ids = ["a\u0000\U0001f600", 0, -5, 1.5, 18446744073709551615, -9223372036854775808, True, None, "same", "same"]
        records = self.batch([{"prompt": "A", "max-tokens": 1, "id": i} for i in ids])
        self.assertEqual([record["id"] for record in records], ids)
        for line in (b'{"prompt":"A","id":18446744073709551616}', b'{"prompt":"A","id":1e300}', b'{"prompt":"A","id":[1]}'):
            self.assertIn("id: ", self.message(line))

    def test_lines_as_other_systems_write_them(self):
        path = self.file("in.jsonl", b'\xef\xbb\xbf{"prompt":"A","max_tokens":1}\r\n\r\n \t\n{"prompt":"\\ud83d\\ude00","max_tokens":1}')
        records = [json.loads(line) for line in self.generate("--input", path).splitlines()]
        self.assertEqual([record["prompt"] for record in records], ["A", "\U0001f600"])
        self.assertEqual(self.batch([b"", b"", b"bad"], code=1)[0]["line"], 3)

    def test_a_line_beyond_the_limit(self):
        long = b'{"prompt":"' + b"a" * (17 << 20) + b'"}'
        records = self.batch([{"prompt": "A", "max-tokens": 1}, long, {"prompt": "B", "max-tokens": 1}], code=1)
        self.assertEqual(["error" in record for record in records], [False, True, False])
        self.assertIn("longer than 16777216 bytes", records[1]["error"]["message"])

    def test_a_request_gives_the_same_text_alone_and_among_others(self):
        requests = [{"prompt": name + ":", "seed": i, "max-tokens": 20 + i % 37, "num-samples": 1 + i % 3}
                    for i, name in enumerate(["ROMEO", "JULIET", "KING", "First Citizen"] * 25)]
        together = self.batch(requests)
        for i in (0, 1, 33, 99):
            alone = self.batch([requests[i]], "--threads", "1")
            self.assertEqual(alone[0]["samples"], together[i]["samples"])

    def test_stdin_and_output_file(self):
        path = os.path.join(self.folder, "out.jsonl")
        line = json.dumps({"prompt": "ROMEO:", "seed": 7, "max-tokens": 5}).encode() + b"\n"
        self.assertEqual(self.generate("--input", "-", "--output-file", path, stdin=line * 3), "")
        with open(path, encoding="utf-8") as file:
            texts = [json.loads(record)["samples"][0]["text"] for record in file]
        self.assertEqual(texts, [self.sample("--max-tokens", "5")["samples"][0]["text"]] * 3)

    def test_text_format(self):
        line = json.dumps({"prompt": "ROMEO:", "seed": 7, "max-tokens": 5}).encode() + b"\n"
        text = self.sample("--max-tokens", "5")["samples"][0]["text"]
        self.assertIn(text, self.generate("--input", "-", "--format", "text", stdin=line))

    def test_an_empty_batch(self):
        self.assertEqual(self.generate("--input", "-", stdin=b""), "")


if __name__ == "__main__":
    unittest.main()
