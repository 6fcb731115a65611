#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Batches that are cut off, and go on: nothing is repeated, nothing is lost."""
import json
import os
import signal
import subprocess
import time
import unittest

import support


class Resume(support.CommandLineTest):
    def setUp(self):
        super().setUp()
        self.out = os.path.join(self.folder, "out.jsonl")
        self.partial = self.out + ".partial"

    def requests(self, count, **keys):
        lines = [json.dumps({"prompt": f"KING {i}:", "id": f"r{i}", "max_tokens": 5 + i % 7, "seed": i, **keys}) for i in range(count)]
        return self.file("in.jsonl", "\n".join(lines).encode() + b"\n")

    def command(self, path, *arguments):
        return ("generate", "--input", path, "--output-file", self.out, "--device", "cpu", *arguments)

    def records(self, path=None):
        with open(path or self.out, encoding="utf-8") as file:
            return [{key: value for key, value in json.loads(line).items() if key != "timing"} for line in file]

    def uninterrupted(self, path):
        return [{key: value for key, value in json.loads(line).items() if key != "timing"}
                for line in self.generate("--input", path).splitlines()]

    def killed(self, path):
        """Runs until some records are there, and is killed. Half of the input has yet to come, so that it cannot end before."""
        with open(path, "rb") as file:
            lines = file.readlines()
        with subprocess.Popen([support.PROGRAM, *self.command("-")], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            process.stdin.write(b"".join(lines[:len(lines) // 2]))
            process.stdin.flush()
            while process.poll() is None and not (os.path.exists(self.partial) and os.path.getsize(self.partial) > 2000):
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=60)

    def test_killed_and_resumed(self):
        path = self.requests(120)
        self.killed(path)
        self.assertFalse(os.path.exists(self.out))
        with open(self.partial, "rb") as file:
            stood = file.read()
        self.assertGreater(stood.count(b"\n"), 0)
        self.ok(*self.command(path, "--resume"))
        self.assertFalse(os.path.exists(self.partial))
        with open(self.out, "rb") as file:
            whole = file.read()
        kept = stood[:stood.rindex(b"\n") + 1]
        self.assertEqual(whole[:len(kept)], kept)
        self.assertEqual([record["id"] for record in self.records()], [f"r{i}" for i in range(120)])
        self.assertEqual(self.records(), self.uninterrupted(path))

    def test_cut_anywhere(self):
        path = self.requests(6)
        self.ok(*self.command(path))
        wanted = self.records()
        with open(self.out, "rb") as file:
            whole = file.read()
        ends = [i + 1 for i, byte in enumerate(whole) if byte == 10]
        for cut in (0, 1, ends[0] - 1, ends[0], ends[0] + 1, ends[3] + 40, len(whole) - 1, len(whole)):
            self.file("out.jsonl.partial", whole[:cut])
            os.remove(self.out)
            self.ok(*self.command(path, "--resume"))
            self.assertEqual(self.records(), wanted, cut)
        self.file("out.jsonl.partial", whole[:ends[1]] + b"\x00\xff" * 9 + b"\n" + whole[ends[1]:])
        self.ok(*self.command(path, "--resume"))
        self.assertEqual(self.records(), wanted)

    def test_interrupted_and_resumed(self):
        path = self.requests(60, min_tokens=40, max_tokens=40)
        with subprocess.Popen([support.PROGRAM, *self.command(path)], stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and not (os.path.exists(self.partial) and os.path.getsize(self.partial) > 2000):
                time.sleep(0.002)
            process.send_signal(signal.SIGINT)
            self.assertIn(process.wait(timeout=60), (0, 130))
        found = [record["id"] for record in self.records()]
        self.assertEqual(found, [f"r{i}" for i in range(len(found))])  # no gaps
        self.ok(*self.command(path, "--resume"))
        self.assertEqual(self.records(), self.uninterrupted(path))

    def test_what_is_finished_stays(self):
        path = self.requests(4)
        self.ok(*self.command(path))
        with open(self.out, "rb") as file:
            before = file.read()
        self.ok(*self.command(path, "--resume"))
        with open(self.out, "rb") as file:
            self.assertEqual(file.read(), before)
        self.ok(*self.command(self.requests(7), "--resume"))  # the input has grown
        self.assertEqual(len(self.records()), 7)

    def test_errors_count_again(self):
        path = self.file("in.jsonl", b'bad\n{"prompt":"A","max_tokens":2,"seed":1}\n{"prompt":5}\n')
        first = support.run(*self.command(path))
        with open(self.out, "rb") as file:
            self.file("out.jsonl.partial", b"".join(file.readlines()[:2]))
        again = support.run(*self.command(path, "--resume"))
        self.assertEqual((first.returncode, again.returncode), (1, 1))
        self.assertEqual(again.stderr, first.stderr)
        self.assertEqual(len(self.records()), 3)

    def test_another_input_is_refused(self):
        self.ok(*self.command(self.requests(3)))
        words = ("record 1", "r0", "other", "--resume")
        self.refuses(2, words, *self.command(self.file("b.jsonl", b'{"prompt":"KING 0:","id":"other"}\n'), "--resume"))
        self.refuses(2, ("prompt", "QUEEN"), *self.command(self.file("c.jsonl", b'{"prompt":"QUEEN:","id":"r0"}\n'), "--resume"))
        self.refuses(2, ("more records", "1 requests"), *self.command(self.file("d.jsonl", b'{"prompt":"KING 0:","id":"r0"}\n'), "--resume"))
        self.assertEqual(len(self.records()), 3)
        self.assertFalse(os.path.exists(self.partial))

    def test_records_are_not_overwritten_by_accident(self):
        path = self.requests(2)
        self.file("out.jsonl.partial", b'{"id":"r0"')
        self.refuses(2, ("out.jsonl.partial", "--resume"), *self.command(path))
        with open(self.partial, "rb") as file:
            self.assertEqual(file.read(), b'{"id":"r0"')

    def test_usage(self):
        path = self.requests(1)
        self.refuses(2, ("--resume", "--output-file"), "generate", "--input", path, "--resume")
        self.refuses(2, ("--resume", "--input"), "generate", "--prompt", "A", "--output-file", self.out, "--resume")
        self.refuses(2, ("regular file",), "generate", "--input", path, "--output-file", "/dev/null", "--resume", "--device", "cpu")

    def test_a_record_comes_before_the_next_request(self):
        """Whoever feeds a pipe line by line need not send a line to get the answer to the one before."""
        with subprocess.Popen([support.PROGRAM, "generate", "--input", "-", "--device", "cpu"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            for i in range(3):
                process.stdin.write(b'{"prompt":"ROMEO:","max_tokens":3}\n')
                process.stdin.flush()
                self.assertEqual(json.loads(process.stdout.readline())["id"], i)
            process.stdin.close()
            self.assertEqual(process.wait(timeout=60), 0)

    def test_memory_of_the_cache(self):
        path = self.requests(40)
        self.ok(*self.command(path, "--kv-memory", "600000"))  # 6 blocks of 98,304 bytes
        self.assertEqual(self.records(), self.uninterrupted(path))
        process = support.run("generate", "--prompt", "ROMEO:", "--kv-memory", "600000", "--device", "cpu")
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"13 blocks", process.stderr)
        self.assertIn(b"6 blocks", process.stderr)


if __name__ == "__main__":
    unittest.main()
