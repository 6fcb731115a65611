#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/gpu_check with a cmake and a ctest that only say what they were asked for."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
CMAKE = """#!/bin/sh
echo "cmake $*" >>"$CALLS"
[ "$1 $BROKEN" != "--build 1" ] || { echo "a.cu: error: broken"; exit 1; }
"""
CTEST = """#!/bin/sh
echo "ctest $*" >>"$CALLS"
if [ "$3" = -N ]; then
  printf '  Test  #3: gpu_a_test\\n  Test #12: gpu_b_test\\n\\nTotal Tests: 2\\n'
  exit 0
fi
while [ "$1" != --output-junit ]; do shift; done
cp "$RESULTS" "$2"
grep -q 'status="fail"' "$RESULTS" && exit 8
exit 0
"""
PASSING = ("device: cuda:0 (A, compute capability 9.0); CUDA driver 13.0, runtime 13.0\n[==========] Running 2 tests\n"
           "[       OK ] A.Steps/Launched (1 ms)\n[       OK ] A.Steps/Replayed (1 ms)\n")
FAILING = "[==========] Running 2 tests\n[       OK ] B.Steps/Launched (1 ms)\n[  FAILED  ] B.Steps/Replayed (1 ms)\n"
HERE = any(os.path.exists(path) for path in ("/dev/nvidiactl", "/dev/dxg"))


def case(name, status, output):
    inside = '<skipped message="SKIP_RETURN_CODE=77"/>' if status == "notrun" else ""
    return f'<testcase name="{name}" time="1.5" status="{status}">{inside}<system-out>{output}</system-out></testcase>'


class GpuCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        self.calls, self.results = self.root / "calls", self.root / "results.xml"
        (self.root / "scripts").mkdir()
        (self.root / "bin").mkdir()
        for name in ("gpu_check", "test_report"):
            shutil.copy(SCRIPTS / name, self.root / "scripts")
        for name, text in (("cmake", CMAKE), ("ctest", CTEST)):
            path = self.root / "bin" / name
            path.write_text(text)
            path.chmod(0o755)

    def run_script(self, *arguments, runner="a runner", broken="", cases=()):
        self.results.write_text(f"<testsuite>{''.join(cases)}</testsuite>")
        environment = {"PATH": f"{self.root / 'bin'}:/usr/bin:/bin", "CALLS": str(self.calls), "RESULTS": str(self.results),
                       "BROKEN": broken, "FLLM_GPU_RUNNER": runner}
        return subprocess.run([sys.executable, self.root / "scripts" / "gpu_check", *arguments], env=environment, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def asked(self):
        return self.calls.read_text() if self.calls.exists() else ""

    @unittest.skipIf(HERE, "this machine has a CUDA device")
    def test_without_a_device_and_a_runner_it_is_skipped(self):
        result = self.run_script(runner="")
        self.assertEqual((result.returncode, self.asked()), (77, ""), result.stdout)
        self.assertTrue(result.stdout.startswith("skipped: no CUDA device here, and FLLM_GPU_RUNNER"), result.stdout)

    def test_all_programs_pass(self):
        result = self.run_script(cases=[case("gpu_a_test", "run", PASSING)])
        self.assertEqual(result.returncode, 0, result.stdout)
        for line in ("through: a runner\n", "\ndevice: cuda:0 (A, compute capability 9.0); CUDA driver 13.0, runtime 13.0\n",
                     "2 passed (1 replayed from a graph)   0 failed   0 skipped     1.5 s\n", "\n2 passed, 0 failed, 0 skipped\n"):
            self.assertIn(line, result.stdout)
        self.assertIn("cmake --preset virtual-gpu -DFLLM_CUDA=ON -DFLLM_WERROR=OFF -DFLLM_UNITY=OFF\n", self.asked())
        self.assertIn("cmake --build --preset virtual-gpu --target gpu_a_test gpu_b_test\n", self.asked())

    def test_warnings_are_errors_where_that_is_asked_for(self):
        self.assertEqual(self.run_script("--strict", cases=[case("gpu_a_test", "run", PASSING)]).returncode, 0)
        self.assertIn("cmake --preset virtual-gpu -DFLLM_CUDA=ON -DFLLM_WERROR=ON -DFLLM_UNITY=ON\n", self.asked())

    def test_a_program_can_be_picked(self):
        self.assertEqual(self.run_script("--only", "b", cases=[case("gpu_b_test", "run", PASSING)]).returncode, 0)
        self.assertIn("--target gpu_b_test\n", self.asked())
        self.assertIn("-R ^(gpu_b_test)([.][a-z0-9]+)?$ ", self.asked())
        result = self.run_script("--only", "c")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--only c: no such program; there are gpu_a_test gpu_b_test", result.stdout)

    def test_a_failed_case_fails(self):
        result = self.run_script(cases=[case("gpu_a_test", "run", PASSING), case("gpu_b_test", "fail", FAILING)])
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("B.Steps/Replayed", result.stdout)
        self.assertTrue(result.stdout.endswith("\n3 passed, 1 failed, 0 skipped\n"), result.stdout)

    def test_a_program_that_dies_fails(self):
        result = self.run_script(cases=[case("gpu_a_test", "fail", "killed")])
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertTrue(result.stdout.endswith("\n0 passed, 1 failed, 0 skipped\n"), result.stdout)

    def test_programs_without_a_device_are_skipped(self):
        result = self.run_script(cases=[case("gpu_a_test", "notrun", "skipped: no CUDA device: no driver\n")])
        self.assertEqual(result.returncode, 77, result.stdout)
        self.assertIn("SKIPPED: gpu_a_test: skipped: no CUDA device: no driver\n", result.stdout)

    def test_a_build_that_fails_is_shown(self):
        result = self.run_script(broken="1")
        self.assertEqual(result.returncode, 1)
        self.assertIn("a.cu: error: broken\n", result.stdout)
        self.assertIn("FAILED: cmake --build --preset virtual-gpu", result.stdout)


if __name__ == "__main__":
    unittest.main()
