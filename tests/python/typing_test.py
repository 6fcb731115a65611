#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a type checker says about programs that use the installed package, and about the package."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import support

FOLDER = pathlib.Path(__file__).resolve().parent
SETTINGS = FOLDER.parents[1] / "pyproject.toml"

# A line each, and what is said about it.
MISTAKES = (
    ('sample(logits, temperature="hot")', 'Argument "temperature"'),
    ("sample(logits, seed=1.5)", 'Argument "seed"'),
    ("sample(logits, temprature=1.0)", "temprature"),
    ("sample([[1.0, 2.0]])", "list[list[float]]"),
    ("sample(logits, ban_ids=3)", 'Argument "ban_ids"'),
    ("sample(logits, out=[1, 2])", 'Argument "out"'),
    ("sample(logits).token", "token"),
    ("sample(logits, details=True).details.rank", "None"),
    ('Sampler(0)', "Argument 1"),
    ("History(2, 8)", "vocab"),
    ("History(2, 8, 8).append([[1], 2])", "List item 1"),
    ("Filters(2, typical_p=0.9)", "like"),
    ("sample(logits, filters={})", 'Argument "filters"'),
    ("sample_sharded(logits, Shard(0, 1, 8, 0, 2, like=logits), print, details=True)", "details"),
    ('Generator(threads="2")', 'Argument "threads"'),
    ('Generator().generate(["A"], temprature=1)', "temprature"),
    ('Generator().stream("A", stop=3)', 'Argument "stop"'),
    ('Generator().generate(["A"], constraint=3)', 'Argument "constraint"'),
    ("Sampler().sample_shard(logits, 3, step=0)", "Argument 2"),
)


def mypy(*arguments):
    found = subprocess.run([sys.executable, "-m", "mypy", "--config-file", SETTINGS, *arguments], capture_output=True, text=True)
    return found.returncode, found.stdout + found.stderr


class Types(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        support.require("mypy")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.cache = f"--cache-dir={cls.folder / 'cache'}"

    def test_a_program_without_mistakes(self):
        self.assertEqual(mypy(self.cache, FOLDER / "typed_program.py"), (0, "Success: no issues found in 1 source file\n"))
        subprocess.run([sys.executable, FOLDER / "typed_program.py"], capture_output=True, check=True)

    def test_mistakes_are_found(self):
        program = self.folder / "mistakes.py"
        program.write_text("\n".join(["import numpy; from fundamentallm import *; logits = numpy.zeros((2, 8), 'f4')",
                                      *[line for line, _ in MISTAKES]]))
        status, text = mypy(self.cache, program)
        errors = dict(re.findall(r"(?m)^[^\n:]*mistakes\.py:(\d+): error: (.*)$", text))
        self.assertEqual((status, sorted(map(int, errors))), (1, list(range(2, len(MISTAKES) + 2))), text)
        for number, (line, words) in enumerate(MISTAKES, 2):
            self.assertIn(words, errors[str(number)], line)

    def test_the_package_itself(self):
        status, text = mypy(self.cache, "-p", "fundamentallm")
        self.assertEqual(status, 0, text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
