#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dialogue, guide, interactive without a terminal, info, help."""
import unittest

import support


class Commands(support.CommandLineTest):
    def test_dialogue_alternates_and_is_bounded(self):
        out = self.ok("dialogue", "--speakers", "ROMEO", "JULIET", "--turns", "5", "--max-turn-tokens", "30", "--seed", "5", "--device", "cpu")
        lines = out.splitlines()
        self.assertEqual([line.split(":")[0] for line in lines], ["ROMEO", "JULIET", "ROMEO", "JULIET", "ROMEO"])
        for line in lines:
            self.assertLessEqual(len(line.split(":", 1)[1]), 31)
        again = self.ok("dialogue", "--speakers", "ROMEO", "JULIET", "--turns", "5", "--max-turn-tokens", "30", "--seed", "5", "--threads", "1", "--device", "cpu")
        self.assertEqual(again, out)

    def test_a_dialogue_longer_than_the_context_goes_on(self):
        out = self.ok("dialogue", "--speakers", "A", "B", "C", "--turns", "12", "--max-turn-tokens", "60", "--seed", "1", "--device", "cpu")
        self.assertEqual([line[0] for line in out.splitlines()], list("ABC" * 4))

    def guide(self, keys):
        process = support.run("guide", "--prompt", "ROMEO:", "--device", "cpu", stdin=keys.encode())
        self.assertEqual(process.returncode, 0, process.stderr.decode())
        return process.stdout.decode(), process.stderr.decode()

    def test_guide_chooses_appends_and_undoes(self):
        out, menu = self.guide("quit\n")
        self.assertEqual(out, "ROMEO:\n")
        self.assertEqual([line.split()[0] for line in menu.splitlines() if "%" in line], list("12345"))
        self.assertEqual(self.guide("1\n")[0], "ROMEO:\n\n")  # end of input leaves
        self.assertEqual(self.guide("=3\n=xyz\nhello\n")[0], "ROMEO:3xyzhello\n")
        self.assertEqual(self.guide("=abc\n=def\nu\nquit\n")[0], "ROMEO:abc\n")
        self.assertEqual(self.guide("u\n\nquit\n")[0], "ROMEO:\n")

    def test_interactive_reads_lines_where_there_is_no_terminal(self):
        process = support.run("interactive", "--device", "cpu", "--seed", "7", "--max-tokens", "10",
                              stdin=b"/set temperature=0\n/show\n/help\nROMEO:\n/set bogus=1\n/set max_tokens=3\n/clear\nROMEO:\n/quit\nnever\n")
        self.assertEqual(process.returncode, 0)
        self.assertIn(b"temperature = 0\n", process.stderr)
        self.assertIn(b"bogus", process.stderr)
        wanted = self.generate("--prompt", "ROMEO:", "--temperature", "0", "--max-tokens", "10", "--no-echo")
        self.assertTrue(process.stdout.decode().startswith(wanted), process.stdout)

    def test_info(self):
        out = self.ok("info", "--device", "cpu")
        for word in ("1,229,824", "69 tokens", "256 tokens", "6 layers", "4.9 MB"):
            self.assertIn(word, out)
        self.assertEqual(self.ok("info", support.MODEL, "--device", "cpu").splitlines()[1:], out.splitlines()[1:])

    def test_help_is_complete(self):
        flags = {"generate": "prompt prompt-file input temperature top-k top-p min-p repetition-penalty frequency-penalty presence-penalty "
                             "penalty-window logit-bias seed preset num-samples pick-best max-length max-tokens min-length min-tokens stop-tokens "
                             "stop-token-ids keep-stop prefix ban ban-chars ban-token-ids stream no-stream echo no-echo format output-file logprobs "
                             "device threads verbose quiet truncate-prompt",
                 "dialogue": "speakers turns max-turn-tokens seed device", "interactive": "temperature seed max-tokens", "guide": "prompt device",
                 "info": "device"}
        top = self.ok("--help")
        for command, names in flags.items():
            self.assertIn(command, top)
            text = self.ok(command, "--help")
            for name in names.split():
                self.assertIn("--" + name, text, command)
        self.assertRegex(self.ok("--version"), r"^fundamentallm \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main()
