#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/lint over small files made here: what is found and where it is said to be, and how files are put together."""
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "lint"
loader = importlib.machinery.SourceFileLoader("lint", str(SCRIPT))
loader.exec_module(lint := importlib.util.module_from_spec(importlib.util.spec_from_loader("lint", loader)))

TIDY = shutil.which("clang-tidy-14")
FLAGS = ["-std=c++20", "-O2"]
CLEAN = "namespace {\n\nint half(int a) { return a / 2; }\n\n}  // namespace\n\nint sum(int a) { return half(a) + 1; }\n"
POINTER = "int* pointer() {\n  return 0;\n}\n"


class Lint(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        shutil.copy(SCRIPT.parents[1] / ".clang-tidy", self.root)
        lint.ROOT, lint.BUILD = self.root, self.root / "build"
        lint.BUILD.mkdir()
        lint.headers.cache_clear()

    def write(self, texts):
        for name, text in texts.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def parts(self, flags):
        return sorted(part.files for part in lint.split(flags))

    def heads(self, *files):
        part = lint.Part((), [])
        for file in files:
            part.add(file, FLAGS, set(), set())
        return sorted(lint.findings(part, TIDY, 0))

    @unittest.skipUnless(TIDY, "no clang-tidy-14")
    def test_a_finding_is_reported_where_it_belongs(self):
        self.write({"a.cpp": CLEAN, "b.cpp": POINTER})
        for files in [("b.cpp",), ("a.cpp", "b.cpp"), ("b.cpp", "a.cpp")]:
            heads = self.heads(*files)
            self.assertEqual(len(heads), 1, heads)
            self.assertRegex(heads[0], r"^b\.cpp:2:10: error: .*\[modernize-use-nullptr")
        self.assertEqual(self.heads("a.cpp"), [])

    @unittest.skipUnless(TIDY, "no clang-tidy-14")
    def test_files_that_do_not_go_together_are_read_alone(self):
        self.write({"a.cpp": CLEAN, "b.cpp": CLEAN.replace("sum", "product") + POINTER})
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            heads = self.heads("a.cpp", "b.cpp")
        self.assertEqual([head.split(": ")[0] for head in heads], ["b.cpp:9:10"])
        self.assertIn("in halves: a.cpp b.cpp", said.getvalue())

    @unittest.skipUnless(TIDY, "no clang-tidy-14")
    def test_what_clang_cannot_read_is_a_finding(self):
        self.write({"a.cpp": '#include "missing.h"\n'})
        self.assertRegex(self.heads("a.cpp")[0], r"^a\.cpp:1:10: error: 'missing.h' file not found")

    def test_files_with_the_same_local_name_are_kept_apart(self):
        self.write({"a.cpp": CLEAN, "b.cpp": CLEAN, "c.cpp": POINTER})
        self.assertEqual(self.parts({"a.cpp": FLAGS, "b.cpp": FLAGS, "c.cpp": FLAGS}), [["a.cpp", "c.cpp"], ["b.cpp"]])

    def test_parts_have_one_kind(self):
        flags = {"a.cpp": FLAGS, "b.cpp": ["-std=c++20", "-march=x86-64-v3"], "tests/c.cpp": FLAGS, "d.cpp": [*FLAGS, "-DX=1"]}
        self.write({file: POINTER for file in flags})
        self.assertEqual(self.parts(flags), [["a.cpp", "d.cpp"], ["b.cpp"], ["tests/c.cpp"]])

    def test_local_names(self):
        text = ("#define M 1\nnamespace {\nconstexpr int kA = 1;\nint b[2];\nstruct C {\n  int member;\n};\n"
                "using testing::D;\n[[noreturn]] void e(int f) {\n  g();\n}\n}  // namespace\nint h() { return 1; }\nint main() {}\n")
        self.write({"a.cpp": text})
        self.assertEqual(lint.local_names("a.cpp"), ({"M", "kA", "b", "C", "e", "main"}, {"D"}))

    def test_what_a_file_imports_another_may_not_declare(self):
        self.write({"a.cpp": "using x::f;\n", "b.cpp": "using x::f;\n", "c.cpp": "namespace {\nint f() { return 1; }\n}  // namespace\n"})
        self.assertEqual(self.parts({file: FLAGS for file in ("a.cpp", "b.cpp", "c.cpp")}), [["a.cpp", "b.cpp"], ["c.cpp"]])

    def test_a_header_stands_for_the_files_that_include_it(self):
        self.write({"a.cpp": '#include "b.h"\n', "b.h": "#include <x/c.h>\n", "include/x/c.h": "", "d.cpp": ""})
        self.assertTrue(lint.includes("a.cpp", ["include/x/c.h"]))
        self.assertTrue(lint.includes("a.cpp", ["a.cpp"]))
        self.assertFalse(lint.includes("d.cpp", ["include/x/c.h"]))

    def test_without_clang_tidy_it_is_skipped(self):
        result = subprocess.run([sys.executable, SCRIPT], env={**os.environ, "PATH": str(self.root)}, capture_output=True, text=True)
        self.assertEqual(result.returncode, 77)
        self.assertIn("clang-tidy-14", result.stderr)


if __name__ == "__main__":
    unittest.main()
