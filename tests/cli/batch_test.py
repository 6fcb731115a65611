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

    def test_bad_lines_keep_their_place(self):
        records = self.batch([{"prompt": "ROMEO:", "max-tokens": 3}, b"not json", {"prompt": "A", "temperature": -3}, {"prompt": "A", "bogus": 1},
                              {"prompt": 5}, {"prompt": "x" * 300}, b'{"prompt":"\xff"}', {"prompt": "KING:", "max-tokens": 3}], code=1)
        self.assertEqual(["error" in record for record in records], [False, True, True, True, True, True, True, False])
        self.assertIn("-3", records[2]["error"]["message"])
        self.assertIn("bogus", records[3]["error"]["message"])
        self.assertIn("300", records[5]["error"]["message"])

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
