#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/mutate_kernels with a cmake and a ninja that only write a script in place of the tests: verdicts, and how it ends."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
KERNEL = "struct A {\n  void operator()() { cta.sync(); }\n};\n"
# The "build" is a program that looks at the sources itself.
NINJA = """#!/bin/sh
cp "$PROGRAM" "$2/kernels_fiber_test"
"""
KILLS = """#!/bin/sh
grep -q 'cta.sync' "$(dirname "$0")/../../cuda/kernels/a.h" || exit 1
"""
HANGS = """#!/bin/sh
sleep 1000 &
echo "$! $$" >"$PIDS"
wait
"""
# As the real one: a job has a group of its own, and ends when Ninja is asked to end.
BUILDS = """#!/bin/sh
setsid sleep 1000 &
trap "kill $!; exit 1" TERM
echo "$! $$" >"$PIDS"
wait
"""


class MutateKernels(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        for name in ("scripts", "bin", "cmake", "cuda/kernels", "cuda/primitives", "host", "include", "tests"):
            (self.root / name).mkdir(parents=True)
        shutil.copy(SCRIPTS / "mutate_kernels", self.root / "scripts")
        (self.root / "scripts" / "mutants.json").write_text("[]")
        (self.root / "CMakeLists.txt").write_text("")
        (self.root / "cuda" / "kernels" / "a.h").write_text(KERNEL)
        cmake = "#!/bin/sh\nmkdir -p \"$2\"\n"
        for name, text in (("bin/cmake", cmake), ("bin/ninja", NINJA), ("scripts/find_clang", "#!/bin/sh\nexit 1\n")):
            (self.root / name).write_text(text)
            (self.root / name).chmod(0o755)

    def start(self, program, *arguments):
        path, self.pids = self.root / "program", self.root / "pids"
        path.write_text(program)
        path.chmod(0o755)
        environment = {**os.environ, "PATH": f"{self.root / 'bin'}:/usr/bin:/bin", "PROGRAM": str(path), "PIDS": str(self.pids)}
        process = subprocess.Popen([sys.executable, self.root / "scripts" / "mutate_kernels", *arguments], env=environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def test_every_barrier_is_listed(self):
        for name, barrier in (("kernels/b.h", "cta_.sync_warp();"), ("primitives/c.h", "block.cluster_sync();")):
            (self.root / "cuda" / name).write_text(barrier)
        output, _ = self.start("", "--list").communicate(timeout=60)
        for place in ("kernels/a.h:2", "kernels/b.h:1", "primitives/c.h:1"):
            self.assertIn(f"cuda/{place}: barrier left out", output)

    def test_a_mutant_that_fails_a_test_is_killed(self):
        output, errors = self.start(KILLS).communicate(timeout=60)
        self.assertIn("killed: fails on fibers", output, errors)
        self.assertIn("1 of 1 mutants killed", output)

    def test_a_mutant_that_passes_is_an_error(self):
        process = self.start("#!/bin/sh\nexit 0\n")
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn("SURVIVES: cuda/kernels/a.h:2: barrier left out", output)

    def test_a_test_that_fails_without_being_broken_kills_nothing(self):
        process = self.start("#!/bin/sh\nexit 1\n")
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn("fails without being broken", output)

    def test_what_it_started_ends_with_it(self):
        self.check_that_all_ends(HANGS)

    def test_a_build_ends_with_it(self):
        (self.root / "bin" / "ninja").write_text(BUILDS)
        self.check_that_all_ends("")

    def check_that_all_ends(self, program):
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start(program)
            while not (self.pids.exists() and self.pids.read_text().endswith("\n")):
                self.assertIsNone(process.poll())
                time.sleep(0.01)
            pids = [int(word) for word in self.pids.read_text().split()]
            self.pids.unlink()
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=60), 128 + number)
            for pid in pids:
                self.assertTrue(self.has_ended(pid), pid)

    @staticmethod
    def has_ended(pid):
        """Killed processes of nobody stay until init has looked after them."""
        for _ in range(1000):
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                return True
            if state in "ZX":
                return True
            time.sleep(0.01)
        return False


if __name__ == "__main__":
    unittest.main()
