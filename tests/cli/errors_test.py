#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input ends as documented: 2 for usage, 1 for what fails while running, a message that names the value."""
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

import support


class Errors(support.CommandLineTest):
    def test_all_violations_at_once(self):
        self.refuses(2, ["--temperature", "-1", "--min-p", "3", "--max-tokens", "0", "--frequency-penalty", "9", "--repetition-penalty"],
                     "generate", "--prompt", "A", "--temperature", "-1", "--min-p", "3", "--max-tokens", "0", "--frequency-penalty", "9",
                     "--repetition-penalty", "0")

    def test_values(self):
        for flag, value in (("--temperature", "nan"), ("--temperature", "inf"), ("--top-p", "nan"), ("--top-k", "x"), ("--seed", "-1"),
                            ("--seed", "18446744073709551616"), ("--num-samples", "0"), ("--logprobs", "33"), ("--threads", "-1"), ("--dtype", "fp64"), ("--preset", "bogus"),
                            ("--format", "xml"), ("--logit-bias", "5"), ("--logit-bias", "999=1"), ("--ban-token-ids", "69"), ("--stop-tokens", ""),
                            ("--presence-penalty", "2.5"), ("--penalty-window", "-2"), ("--min-tokens", "-1")):
            self.refuses(2, [flag], "generate", "--prompt", "A", flag, value, "--device", "cpu")

    def test_types_the_cpu_has_not(self):
        for value in ("fp16", "bf16"):
            self.refuses(1, [value, "cpu", "auto, fp32"], "generate", "--prompt", "A", "--dtype", value, "--device", "cpu")

    def test_usage(self):
        self.refuses(2, ["no prompt"], "generate")
        self.refuses(2, ["--nosuch"], "generate", "--prompt", "A", "--nosuch")
        self.refuses(2, ["hint"], "generate", "--prompt", "A", " ")
        self.refuses(2, ["byte 1"], "generate", "--prompt", b"a\xff", "--device", "cpu")

    def test_files(self):
        self.refuses(1, ["/nosuch.pt", "no such file"], "generate", "/nosuch.pt", "--prompt", "A")
        self.refuses(1, ["junk.pt"], "generate", self.file("junk.pt", b"junk"), "--prompt", "A")
        with open(support.MODEL, "rb") as file:
            content = file.read()
        self.refuses(1, ["cut.pt"], "generate", self.file("cut.pt", content[:len(content) // 2]), "--prompt", "A")
        alone = shutil.copy(support.MODEL, self.folder)
        self.refuses(1, ["tokenizer.json"], "generate", alone, "--prompt", "A")
        self.file("tokenizer.json", b"{}")
        self.refuses(1, ["tokenizer.json", "char_to_id"], "generate", alone, "--prompt", "A")
        self.file("tokenizer.json", b'{"char_to_id":')
        self.refuses(1, ["tokenizer.json: not valid JSON: parse error at line 1"], "generate", alone, "--prompt", "A")
        self.refuses(1, ["empty.pt"], "generate", self.file("empty.pt", b""), "--prompt", "A")
        self.refuses(1, ["x.png: not a complete ZIP file"], "generate", self.file("x.png", b"\x89PNG\r\n\x1a\n"), "--prompt", "A")
        self.refuses(1, ["has no chat template"], "generate", "--chat", "--prompt", "A")
        self.refuses(2, ["--system: given without --chat"], "generate", "--system", "Be kind.", "--prompt", "A")
        empty = os.path.join(self.folder, "empty")
        os.mkdir(empty)
        self.refuses(1, ["no model in this folder", "model.pt", "model.safetensors", "*.gguf"], "generate", empty, "--prompt", "A")
        self.refuses(1, ["/nosuch/x"], "generate", "--prompt", "A", "--output-file", "/nosuch/x")
        self.refuses(1, ["/nosuch.txt"], "generate", "--prompt-file", "/nosuch.txt")
        self.refuses(1, ["/nosuch.jsonl"], "generate", "--input", "/nosuch.jsonl")

    def test_a_tokenizer_of_another_model(self):
        with open(os.path.join(os.path.dirname(support.MODEL), "tokenizer.json"), encoding="utf-8") as file:
            tokenizer = json.load(file)
        tokenizer["char_to_id"]["%"] = 69
        self.file("tokenizer.json", json.dumps(tokenizer).encode())
        model = shutil.copy(support.MODEL, self.folder)
        self.refuses(1, [f"{model}: its tokenizer has 70 tokens, the model 69; they do not belong together"], "info", model)

    def test_what_the_user_may_not_read(self):
        if os.geteuid() == 0:
            ids = {"user": 65534, "group": 65534, "extra_groups": []}
            os.chmod(self.folder, 0o755)
        else:
            ids = {}
        for name in ("model.pt", "tokenizer.json"):
            shutil.copy(os.path.join(os.path.dirname(support.MODEL), name), self.folder)
        model = os.path.join(self.folder, "model.pt")
        for name in ("model.pt", "tokenizer.json"):
            os.chmod(os.path.join(self.folder, name), 0)
            process = subprocess.run([support.PROGRAM, "info", model], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60, **ids)
            os.chmod(os.path.join(self.folder, name), 0o644)
            self.assertEqual((process.returncode, process.stdout), (1, b""))
            self.assertIn(f"{name}: ".encode(), process.stderr)
            self.assertIn(b"Permission denied", process.stderr)

    def test_running(self):
        self.refuses(1, ["300", "256"], "generate", "--prompt", "a" * 300, "--device", "cpu")
        process = support.run("generate", "--prompt", "A", "--ban-token-ids", *map(str, range(69)), "--device", "cpu")
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"every token is forbidden", process.stderr)
        self.refuses(2, ["tpu"], "generate", "--prompt", "A", "--device", "tpu")

    def test_a_closed_pipe_ends_quietly(self):
        process = subprocess.Popen([support.PROGRAM, "generate", "--input", "-", "--device", "cpu"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        process.stdout.close()
        try:
            process.stdin.write(b'{"prompt":"ROMEO:","max_tokens":4}\n' * 2000)
            process.stdin.close()
        except BrokenPipeError:
            pass
        self.assertEqual(process.wait(timeout=60), 1)
        self.assertNotIn(b"terminate", process.stderr.read())
        process.stderr.close()

    def test_an_interrupt_leaves_whole_records(self):
        path = self.file("in.jsonl", b'{"prompt":"ROMEO:","max_tokens":9}\n' * 100000)
        with subprocess.Popen([support.PROGRAM, "generate", "--input", path, "--device", "cpu"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            first = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()
            self.assertEqual(process.wait(timeout=60), 130)
        for line in (first + rest).splitlines(keepends=True):
            self.assertTrue(line.startswith(b"{") and line.endswith(b"}\n"))

    def signalled(self, number, **options):
        """The exit code of a batch that gets a signal after its first record, its records, and the names in the folder."""
        folder = os.path.join(self.folder, "out")
        os.makedirs(folder, exist_ok=True)
        out = os.path.join(folder, "o.jsonl")
        with subprocess.Popen([support.PROGRAM, "generate", "--input", "-", "--output-file", out, "--device", "cpu", "--max-tokens", "9", "--verbose"],
                              stdin=subprocess.PIPE, stderr=subprocess.PIPE, **options) as process:
            process.stderr.readline()  # the model is open
            process.stdin.write(b'{"prompt":"ROMEO:"}\n' * 200)
            process.stdin.flush()
            process.send_signal(number)
            process.communicate(timeout=60)
            with open(out, "rb") as file:
                return process.returncode, [json.loads(line) for line in file], os.listdir(folder)

    def test_a_signal_leaves_a_whole_file(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            code, _, names = self.signalled(number)
            self.assertEqual((code, names), (128 + number, ["o.jsonl"]))

    def test_nohup_lets_it_finish(self):
        code, records, names = self.signalled(signal.SIGHUP, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.assertEqual((code, len(records), names), (0, 200, ["o.jsonl"]))

    def interrupted(self, *arguments, begun):
        """stdout of 4096 samples that are interrupted when some have begun, which begun tells from it."""
        for seconds in (0.1, 0.5, 2.5, 10):
            with subprocess.Popen([support.PROGRAM, "generate", "--prompt", "ROMEO:", "--num-samples", "4096", "--min-tokens", "240", "--max-tokens", "249",
                                   "--device", "cpu", "--verbose", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                process.stderr.readline()  # the model is open
                time.sleep(seconds)
                process.send_signal(signal.SIGINT)
                text = process.communicate(timeout=60)[0].decode()
                self.assertEqual(process.returncode, 130)
            if begun(text):
                return text
        return self.fail("no sample had begun")

    def test_an_interrupt_shows_no_sample_that_had_not_begun(self):
        for sample in self.interrupted("--ban-chars", "\n", begun=bool).removesuffix("\n").split("\n\n"):
            self.assertGreater(len(sample), len("ROMEO:"), sample)

    def test_the_best_of_interrupted_samples_is_one_that_had_begun(self):
        def tokens(text):
            return json.loads(text)["usage"]["completion_tokens"]

        best = json.loads(self.interrupted("--format", "jsonl", "--pick-best", begun=tokens))["samples"]
        self.assertEqual(len(best), 1)
        self.assertTrue(best[0]["tokens"])

    def test_an_interrupt_while_it_waits_for_input(self):
        for arguments in (("interactive",), ("guide",), ("generate", "--input", "-")):
            with subprocess.Popen([support.PROGRAM, *arguments, "--device", "cpu", "--verbose"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) as process:
                process.stderr.readline()  # the model is open
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)  # which also ends the input
                self.assertEqual(process.returncode, 130, arguments)

    def test_a_full_disk_is_reported(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        with open("/dev/full", "wb") as full:
            process = subprocess.run([support.PROGRAM, "generate", "--prompt", "A", "--device", "cpu"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertNotEqual(process.stderr, b"")


if __name__ == "__main__":
    unittest.main()
