#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/cli.md names every option of generate, docs/server.md those of serve, and none that does not exist; the README shows
what the program prints."""
import os
import re
import shlex
import unittest

import support


class Documentation(support.CommandLineTest):
    def test_options(self):
        for page, described, others in (("cli.md", "generate", ["dialogue", "interactive", "guide", "info", "serve"]), ("server.md", "serve", ["generate"])):
            with open(os.path.join(support.ROOT, "docs", page), encoding="utf-8") as file:
                documented = set(re.findall(r"`--([a-z-]+)", file.read()))
            shown = set()
            for command in (described, *others):
                shown |= set(re.findall(r"--([a-z][a-z-]+)", self.ok(command, "--help")))
            self.assertEqual(documented - shown, set())
            options = set(re.findall(r"^  (?:-\w, )?--([a-z][a-z-]+)", self.ok(described, "--help"), re.M))
            self.assertEqual(options - documented - {"help"}, set())

    @unittest.skipIf(support.SANITIZED, "the unsanitized program shows whether the texts are right")
    def test_transcript(self):
        with open(os.path.join(support.ROOT, "README.md"), encoding="utf-8") as file:
            indented = re.findall(r"(?:^    .*\n|^\n(?=    ))+", file.read(), re.M)
        shown = [part for block in indented for part in re.split(r"^    (?=\$ )", block, flags=re.M) if part.startswith("$ ")]
        self.assertGreater(len(shown), 2)
        for part in shown:
            command, _, text = part.partition("\n")
            program, *arguments = shlex.split(command.removeprefix("$ "))
            self.assertEqual(program, "scripts/fundamentallm")
            printed = self.ok(*arguments, "--device", "cpu")
            self.assertEqual(re.sub(r"^    ", "", text, flags=re.M).rstrip(), printed.rstrip(), command)


if __name__ == "__main__":
    unittest.main()
