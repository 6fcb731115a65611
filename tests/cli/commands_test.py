#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dialogue, guide, interactive without a terminal, info, help."""
import unittest

import support


class Commands(support.CommandLineTest):
    def test_dialogue_alternates_and_is_bounded(self):
        out = self.ok("dialogue", support.SMALL_MODEL, "--speakers", "ROMEO", "JULIET", "--turns", "5", "--max-turn-tokens", "30", "--seed", "5", "--device", "cpu")
        lines = out.splitlines()
        self.assertEqual([line.split(":")[0] for line in lines], ["ROMEO", "JULIET", "ROMEO", "JULIET", "ROMEO"])
        for line in lines:
            self.assertLessEqual(len(line.split(":", 1)[1]), 31)
        again = self.ok("dialogue", support.SMALL_MODEL, "--speakers", "ROMEO", "JULIET", "--turns", "5", "--max-turn-tokens", "30", "--seed", "5", "--threads", "1", "--device", "cpu")
        self.assertEqual(again, out)

    def test_a_dialogue_longer_than_the_context_goes_on(self):
        out = self.ok("dialogue", support.SMALL_MODEL, "--speakers", "A", "B", "C", "--turns", "12", "--max-turn-tokens", "60", "--seed", "1", "--device", "cpu")
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

    def test_what_is_typed_into_the_guide_stays_as_it_was_typed(self):
        process = support.run("guide", "--prompt", "H\u00e9", "--device", "cpu", stdin="9\n=\u2603\n1\nu\n8\nu\n".encode())
        self.assertEqual(process.stdout.decode(), "H\u00e99\u2603\n")

    def test_a_guided_text_ends_at_the_context(self):
        process = support.run("guide", support.SMALL_MODEL, "--prompt", "a" * 255, "--device", "cpu", stdin=b"=b\n=c\n1\nu\n=d\n")
        self.assertEqual(process.stdout, b"a" * 255 + b"d\n")
        for words in (b"the context is full", b"the text would have 257 tokens: the model's context is 256", b"there are only 0 choices"):
            self.assertIn(words, process.stderr)
        self.refuses(1, ["257 tokens", "256"], "guide", support.SMALL_MODEL, "--prompt", "a" * 257, "--device", "cpu")
        self.refuses(2, ["stdin carries the choices"], "guide", "--prompt", "-", "--device", "cpu")

    def interactive(self, *lines):
        """stderr of a session that types these lines; it must say nothing on stdout."""
        process = support.run("interactive", support.SMALL_MODEL, "--device", "cpu", stdin="".join(line + "\n" for line in lines).encode())
        self.assertEqual((process.returncode, process.stdout), (0, b""), process.stderr)
        return process.stderr.decode().replace("fundamentallm: error: ", "")

    def test_every_setting_can_be_set_shown_and_taken_back(self):
        values = {"chat": ("off", "off"), "system": ("Be kind.", "'Be kind.'"), "preset": ("creative", "creative"), "temperature": ("0.5", "0.5"), "top-k": ("5", "5"), "top-p": ("0.5", "0.5"), "min-p": ("0.1", "0.1"),
                  "repetition-penalty": ("1.5", "1.5"), "frequency-penalty": ("-1", "-1"), "presence-penalty": ("2", "2"), "penalty-window": ("32", "32"),
                  "logit-bias": ("40=1 41=-2.5", '["40=1","41=-2.5"]'), "seed": ("18446744073709551615", "18446744073709551615"), "max-tokens": ("20", "20"),
                  "max-length": ("90", "90"), "min-tokens": ("2", "2"), "min-length": ("3", "3"), "stop-tokens": (". !", '[".","!"]'),
                  "stop-token-ids": ("4 5", "[4,5]"), "keep-stop": ("on", "on"), "prefix": ("Hey", "'Hey'"), "ban": ("foo", '["foo"]'),
                  "ban-chars": ("xz", "'xz'"), "ban-token-ids": ("1 2", "[1,2]"), "context": ("off", "off")}
        whole = self.interactive("/show")
        self.assertEqual([line.split(" = ")[0] for line in whole.splitlines()], list(values))
        shown = self.interactive(*(f"/set {key}={typed}" for key, (typed, _) in values.items()), "/show")
        self.assertEqual(shown, "".join(f"{key} = {value}\n" for key, (_, value) in values.items()))
        self.assertEqual(self.interactive(*(f"/set {key}={typed}" for key, (typed, _) in values.items()), *(f"/set {key}=" for key in values), "/show"), whole)

    def test_ways_to_type_a_value(self):
        ways = (("temperature = 0.25", "temperature = 0.25"), ("temperature 0.25", "temperature = 0.25"), ("top_k=3", "top-k = 3"),
                ('prefix="\\n "', "prefix = '\\n '"), ('stop-tokens="a b" . "\\n"', 'stop-tokens = ["a b",".","\\n"]'),
                ('stop-tokens=["a b","c"]', 'stop-tokens = ["a b","c"]'), ('ban-chars=.,"', "ban-chars = '.,\"'"))
        shown = self.interactive(*(line for typed, wanted in ways for line in ("/set " + typed, "/show", f"/set {wanted.split()[0]}="))).splitlines()
        count = len(shown) // len(ways)
        for i, (typed, wanted) in enumerate(ways):
            self.assertIn(wanted, shown[i * count:(i + 1) * count], typed)

    def test_a_wrong_value_changes_nothing(self):
        whole = self.interactive("/show")
        wrong = (("bogus=1", "/set 'bogus': no such setting; /show lists them"), ("temprature=1", "/set 'temprature': no such setting: did you mean temperature?"),
                 ("threads=2", "/set 'threads': concerns the whole run: it is allowed on the command line only"),
                 ("temperature", "/set 'temperature': KEY=VALUE is allowed, as in /set temperature=0.5"),
                 ("temperature=x", "temperature: 'x': a finite number is allowed"), ("min-tokens=500", "min-tokens: 500: must be at most max-tokens, 200"),
                 ("logit-bias=400=1", "logit-bias: 400: token ids of this model are below 69"), ("keep-stop=maybe", "keep-stop: 'maybe': on or off is allowed"),
                 ("prefix=\u2603", 'prefix: "\u2603": no allowed token continues it at byte 0; it must be text the model can write'),
                 ('prefix="a"b"', "prefix: '\"a\"b\"': a text or a JSON string is allowed"), ("stop-tokens=[1]", "stop-tokens: 1: a string or an array of strings is allowed"),
                 ('stop-tokens="a', "stop-tokens: '\"a': words, JSON strings or a JSON array is allowed"))
        found = self.interactive(*(line for typed, _ in wrong for line in ("/set " + typed, "/show")))
        self.assertEqual(found, "".join(message + "\n" + whole for _, message in wrong))
        self.refuses(2, ["--ban-token-ids: 900", "--logit-bias: 77"], "interactive", "--ban-token-ids", "900", "--logit-bias", "77=1", "--device", "cpu")

    def test_the_seed_of_a_reply_can_be_used_again(self):
        def reply(*arguments):
            process = support.run("interactive", "--device", "cpu", "--max-tokens", "20", *arguments, stdin=b"ROMEO:\n")
            return process.stdout, process.stderr

        text, notes = reply("--verbose")
        seed = notes.decode().splitlines()[-1].removeprefix("fundamentallm: seed ")
        self.assertEqual(reply("--seed", seed), (text, b""))

    def test_unknown_commands_are_no_prompts(self):
        self.assertIn("'/quitt': no such command", self.interactive("/quitt"))
        self.assertNotEqual(support.run("interactive", "--device", "cpu", stdin=b"//x\n").stdout, b"")

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
        for word in ("1,229,824", "69 tokens", "256 tokens", "6 layers", "5.0 MB", "(fp32)"):
            self.assertIn(word, out)
        self.assertEqual(self.ok("info", support.MODEL, "--device", "cpu").splitlines()[1:], out.splitlines()[1:])

    def test_help_is_complete(self):
        flags = {"generate": "prompt prompt-file input temperature top-k top-p min-p repetition-penalty frequency-penalty presence-penalty "
                             "penalty-window logit-bias seed preset num-samples pick-best max-length max-tokens min-length min-tokens stop-tokens "
                             "stop-token-ids keep-stop prefix ban ban-chars ban-token-ids stream no-stream echo no-echo format output-file resume logprobs kv-memory "
                             "device dtype threads verbose quiet truncate-prompt",
                 "dialogue": "speakers turns max-turn-tokens seed device", "interactive": "temperature seed max-tokens", "guide": "prompt device",
                 "info": "device dtype"}
        top = self.ok("--help")
        for command, names in flags.items():
            self.assertIn(command, top)
            text = self.ok(command, "--help")
            for name in names.split():
                self.assertIn("--" + name, text, command)
        self.assertRegex(self.ok("--version"), r"^fundamentallm \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main()
