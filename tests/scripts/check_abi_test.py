#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_abi_test.py C_COMPILER NM: scripts/check_exports and scripts/check_abi find what they look for."""
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
COMPILER, NM = sys.argv[1:3]
HEADER = """
#define FLLM_API __attribute__((visibility("default")))
struct fllm_args { unsigned long struct_size; FIELDS };
FLLM_API int fllm_use(const struct fllm_args* args);
"""
SOURCE = '#include "include/c_api.h"\nint fllm_use(const struct fllm_args* args) { return args->first; }\n'


class Library:
    """A shared object with a C function, built from a header and more source text."""

    def __init__(self, folder, fields="int first; int second;", more=""):
        self.headers, self.path = folder / "include", folder / "library.so"
        self.headers.mkdir(exist_ok=True)
        self.header = self.headers / "c_api.h"
        self.header.write_text(HEADER.replace("FIELDS", fields))
        source = folder / "library.c"
        source.write_text(SOURCE + more)
        subprocess.run([COMPILER, "-g", "-shared", "-fPIC", "-fvisibility=hidden", "-o", self.path, source], check=True, cwd=folder)


def run(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


class Case(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)


class CheckExports(Case):
    def exports(self, library):
        return run(SCRIPTS / "check_exports", "--nm", NM, library.path, library.header)

    def test_accepts_the_declared_functions(self):
        result = self.exports(Library(self.folder, more="int hidden(void) { return 1; }\n"))
        self.assertEqual((result.returncode, result.stdout), (0, "1 C functions, 0 symbols of fllm\n"))

    def test_refuses_another_symbol(self):
        result = self.exports(Library(self.folder, more='__attribute__((visibility("default"))) int other(void) { return 1; }\n'))
        self.assertEqual((result.returncode, result.stdout), (1, "other: exported, but not declared in c_api.h\n"))

    def test_misses_a_function(self):
        library = Library(self.folder)
        library.header.write_text(library.header.read_text() + "FLLM_API const char* fllm_name(\n    int number);\n")
        result = self.exports(library)
        self.assertEqual((result.returncode, result.stdout), (1, "fllm_name: declared, but not exported\n"))


@unittest.skipUnless(shutil.which("abidw") and shutil.which("abidiff"), "abidw and abidiff (libabigail) are not installed")
class CheckAbi(Case):
    def setUp(self):
        super().setUp()
        self.description = self.folder / "description"
        result = self.compare(Library(self.folder), "--update")
        self.assertEqual(result.returncode, 0, result.stderr)

    def compare(self, library, *options):
        return run(SCRIPTS / "check_abi", *options, library.path, library.headers, self.description)

    def test_accepts_what_did_not_change(self):
        result = self.compare(Library(self.folder, more="int hidden(void) { return 1; }\n"))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_sees_another_order_of_fields(self):
        result = self.compare(Library(self.folder, "int second; int first;"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("fllm_args", result.stdout)
        self.assertIn("differs from", result.stderr)

    def test_sees_another_type(self):
        self.assertEqual(self.compare(Library(self.folder, "unsigned first; int second;")).returncode, 1)

    def test_sees_an_appended_field_and_accepts_it_when_told(self):
        library = Library(self.folder, "int first; int second; long third;")
        self.assertEqual(self.compare(library).returncode, 1)
        self.assertEqual(self.compare(library, "--update").returncode, 0)
        self.assertEqual(self.compare(library).returncode, 0)

    def test_sees_an_added_function(self):
        more = '__attribute__((visibility("default"))) int fllm_more(void) { return 1; }\n'
        self.assertEqual(self.compare(Library(self.folder, more=more)).returncode, 1)

    def test_names_no_folder_of_this_machine(self):
        self.assertNotIn(str(self.folder), self.description.read_text())

    def test_wants_debugging_information(self):
        library = Library(self.folder)
        subprocess.run(["strip", "--strip-debug", library.path], check=True)
        result = self.compare(library)
        self.assertEqual(result.returncode, 1)
        self.assertIn("no fllm_* function with debugging information", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
