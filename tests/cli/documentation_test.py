#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/cli.md names every option of generate, and none that does not exist."""
import os
import re
import unittest

import support


class Documentation(support.CommandLineTest):
    def test_options(self):
        with open(os.path.join(support.ROOT, "docs", "cli.md"), encoding="utf-8") as file:
            documented = set(re.findall(r"`--([a-z-]+)", file.read()))
        shown = set()
        for command in ("generate", "dialogue", "interactive", "guide", "info"):
            shown |= set(re.findall(r"--([a-z][a-z-]+)", self.ok(command, "--help")))
        self.assertEqual(documented - shown, set())
        generate = set(re.findall(r"^  (?:-\w, )?--([a-z][a-z-]+)", self.ok("generate", "--help"), re.M))
        self.assertEqual(generate - documented - {"help"}, set())


if __name__ == "__main__":
    unittest.main()
