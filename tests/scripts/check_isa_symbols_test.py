# SPDX-License-Identifier: Apache-2.0
"""check_isa_symbols against objects made here: argv[1] is the C++ compiler, argv[2] is nm."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check_isa_symbols"
COMPILER, NM = sys.argv[1:3]
TABLE = "namespace fllm { struct Table { int a; }; namespace { Table t{1}; } const Table& serial_kernels_x() { return t; } }\n"


class CheckIsaSymbols(unittest.TestCase):
    def run_on(self, source):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "part.cpp"
            path.write_text(source)
            subprocess.run([COMPILER, "-O0", "-c", path, "-o", path.with_suffix(".o")], check=True)
            return subprocess.run([SCRIPT, "--nm", NM, path.with_suffix(".o")], capture_output=True, text=True)

    def test_accepts_the_table_and_local_functions(self):
        result = self.run_on(TABLE + "static int local() { return 2; }\nstatic int use = local();\n")
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_refuses_an_inline_function(self):
        result = self.run_on(TABLE + "inline int shared() { return 2; }\nstatic int use = shared();\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("shared() (W)", result.stdout)

    def test_refuses_another_global_function(self):
        result = self.run_on(TABLE + "int other() { return 2; }\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("other() (T)", result.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
