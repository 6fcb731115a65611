#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is typed wrongly is named, with the value and what is allowed, and nothing that follows from it is."""
import os
import subprocess
import unittest

import support


class Usage(support.CommandLineTest):
    def violations(self, *arguments, **options):
        """The messages of a line that is refused, without their common beginning."""
        lines = self.refuses(2, ["Try 'fundamentallm"], *arguments, **options).splitlines()
        return [line.removeprefix("fundamentallm: error: ") for line in lines[:-1]]

    def test_a_command_comes_first(self):
        commands = "one of generate, dialogue, interactive, guide, info, serve comes first"
        self.assertEqual(self.violations(), ["no command: " + commands])
        self.assertEqual(self.violations("frobnicate"), ["'frobnicate': no such command: " + commands])
        self.assertEqual(self.violations("--prompt", "A"), ["'--prompt': no such command: " + commands])

    def test_a_missing_value_hides_no_other_violation(self):
        self.assertEqual(self.violations("generate", "--nosuch", "--prompt", "A", "--temperature", "-1", "--top-k"),
                         ["--top-k: no value: N is needed", "'--nosuch': unknown option",
                          "--temperature: -1: must be finite and at least 0 (0 is greedy)"])

    def test_an_option_is_not_the_value_of_another(self):
        self.assertEqual(self.violations("generate", "--prompt", "A", "--stop-tokens", "--max-tokens", "3"),
                         ["--stop-tokens: no value: TEXT... is needed (for the text --max-tokens type --stop-tokens=--max-tokens)"])
        self.assertEqual(self.violations("generate", "--prompt", "A", "--top-k", "--no-echo"), ["--top-k: no value: N is needed"])
        self.assertIn("A--seed", self.generate("--prompt=A--seed", "--max-tokens", "2"))
        self.assertTrue(self.generate("--prompt=--seed", "--max-tokens", "2").startswith("--seed"))
        self.assertTrue(self.generate("--prompt", "--nosuch", "--max-tokens", "2").startswith("--nosuch"))

    def test_two_dashes_end_the_options(self):
        arguments = ("--seed", "7", "--max-tokens", "9", "--prompt", "ROMEO:", "--stop-tokens", "x", "y")
        self.assertEqual(self.generate(*arguments, "--", os.path.dirname(support.MODEL)), self.generate(*arguments))
        self.refuses(1, ["--odd.pt: there is no such file"], "generate", "--prompt", "A", "--", "--odd.pt")
        self.assertEqual(self.violations("generate", "--prompt", "A", "--", "a.pt", "--seed"),
                         ["argument '--seed': unexpected: one MODEL is allowed (quote texts with spaces)"])

    def test_model_is_one_file_or_folder(self):
        self.assertEqual(self.violations("generate", "", "--prompt", "A"), ["argument '': empty: MODEL is a file or a folder"])
        self.assertEqual(self.violations("info", "a.pt", "b.pt"), ["argument 'b.pt': unexpected: one MODEL is allowed (quote texts with spaces)"])
        self.assertEqual(self.violations("generate", "-", "--prompt", "A"),
                         ["argument '-': unexpected: it stands for a prompt that is read from stdin"])

    def test_an_option_of_another_command(self):
        self.assertEqual(self.violations("dialogue", "--max-tokens", "5"), ["'--max-tokens': not an option of this command, but of generate, interactive, serve"])
        self.assertEqual(self.violations("generate", "--prompt", "A", "--top_k", "5"), ["'--top_k': unknown option: did you mean --top-k?"])

    def test_what_is_given_twice_is_not_missing_too(self):
        self.assertEqual(self.violations("generate", "--prompt", "A", "--prompt", "B"), ["--prompt: given 2 times: once is allowed"])

    def test_a_blank_argument_gets_a_hint(self):
        for arguments in ((" ", "--prompt", "A"), ("--prompt", "A", " "), ("a.pt", "--prompt", "A", " ")):
            self.assertIn("hint: '\\ ' at a line's end", self.violations("generate", *arguments)[0])
        command = ("generate", "--device", "cpu", "--prompt", "A", "--max-tokens", "1", "--stop-tokens", ".", " ")
        self.assertIn(b"--stop-tokens: the last value is a blank", support.run(*command).stderr)
        self.assertEqual(support.run(*command, "--quiet").stderr, b"")

    def test_files_have_names(self):
        self.assertEqual(self.violations("generate", "--prompt", "A", "--output-file", ""), ["--output-file: '': the name of a file is needed"])
        self.assertEqual(self.violations("generate", "--input", ""), ["--input: '': the name of a file is needed"])
        self.assertEqual(self.violations("dialogue", "--prompt-file="), ["--prompt-file: '': the name of a file is needed"])

    def test_messages_name_flags(self):
        self.assertEqual(self.violations("generate", "--prompt", "A", "--min-tokens", "5", "--max-tokens", "3"),
                         ["--min-tokens: 5: must be at most --max-tokens, 3"])
        self.refuses(1, ["--prompt: 300 tokens", "context of 256", "--truncate-prompt keeps its end"], "generate", "--prompt", "a" * 300, "--device", "cpu")
        self.refuses(2, ["--prompt: byte 2 is not valid UTF-8"], "generate", "--prompt", b"ab\xed\xa0\x80")
        self.refuses(2, ['"max_tokens\\n"', "--prefix: "], "generate", "--prompt", "A", "--prefix", "max_tokens\n", "--max-tokens", "3", "--device", "cpu")

    def test_messages_cannot_steer_a_terminal(self):
        message = self.refuses(2, ["\\xFF\\x1B[31m\\xC2\\x9B\\nX"], "generate", "--prompt", "A", "--prefix", b"\xff\x1b[31m\xc2\x9b\nX", "--device", "cpu")
        self.assertNotIn("\x1b", message)

    def test_help_needs_a_place_to_go(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        for arguments in (("--help",), ("--version",), ("generate", "--help"), ("info", "--device", "cpu")):
            with open("/dev/full", "wb") as full:
                process = subprocess.run([support.PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
            self.assertEqual(process.returncode, 1, arguments)
            self.assertIn(b"stdout: cannot write", process.stderr)


if __name__ == "__main__":
    unittest.main()
