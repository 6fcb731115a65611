#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/count_peers with a compiler, a wheel and a CUDA runtime that only pretend: what is added up, and why it is skipped."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NVCC = """#!/usr/bin/env python3
import os, sys
assert os.path.exists(os.path.join(sys.argv[sys.argv.index("-I") + 1], "flashinfer/sampling.cuh"))
with open(sys.argv[-1], "w") as program:
    program.write("#!/bin/sh\\n")
os.chmod(sys.argv[-1], 0o755)
"""
CMAKE = "#!/bin/sh\nexit 0\n"
OURS = "#!/bin/sh\n" + "".join(f"echo 'SampleRow, fp32, {rows}, top-k 50 + top-p 0.9, penalties, mask|{size}'\n"
                              for rows, size in (("1 row", 128256), ("16 rows", 16 * 128256)))
# Every launch: a warp-instruction for 8 of 128,256 logits, a sector read for 16 and one written for 32.
RUNNER = """#!/usr/bin/env python3
import json, subprocess, sys
profile, program, *arguments = sys.argv[2:]
subprocess.run([program, *arguments], check=True)
def launch(kernel, rows=1):
    return {"kernel": kernel, "grid": [2], "warp_instructions": 16032 * rows, "sectors_read": 8016 * rows, "sectors_written": 4008 * rows,
            "shared_wavefronts": 0, "bank_conflict_excess": 0}
theirs = [launch("A", int(arguments[0])), launch("B", int(arguments[0]))] if arguments else []
ours = [launch("SampleRow"), launch("SampleRow", 16), launch("Embed"), launch("Embed"), launch("KvAppend"), launch("Embed"), launch("CommitDrafts"),
        launch("CommitDrafts")]
open(profile, "w").write("".join(json.dumps(each) + "\\n" for each in theirs or ours))
"""


class CountPeers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        shutil.copytree(SCRIPTS / "peers", self.root / "scripts" / "peers")
        for name in ("count_peers", "kernel_budget"):
            shutil.copy(SCRIPTS / name, self.root / "scripts")
        self.write("bin/nvcc", NVCC)
        self.write("bin/cmake", CMAKE)
        self.write("bin/runner", RUNNER)
        self.write("build/virtual-gpu/tests/gpu/kernel_budget_work", OURS)
        (self.root / "build" / "peers").mkdir()
        with zipfile.ZipFile(self.root / "build" / "peers" / "flashinfer_python-9.8-py3-none-any.whl", "w") as wheel:
            wheel.writestr("flashinfer/data/include/flashinfer/sampling.cuh", "")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def run_script(self, *arguments, runner=True):
        environment = {"PATH": f"{self.root / 'bin'}:/usr/bin:/bin", "FLLM_GPU_RUNNER": str(self.root / "bin" / "runner") if runner else ""}
        return subprocess.run([sys.executable, self.root / "scripts" / "count_peers", *arguments], env=environment, check=False,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def test_every_launch_is_added_up(self):
        result = self.run_script("--json", str(self.root / "out.json"))
        self.assertEqual(result.returncode, 0, result.stderr)
        found = json.loads((self.root / "out.json").read_text())["results"]
        self.assertEqual([(line["what"].split(",")[0], line["rows"], line["launches"], line["lane_instructions_per_logit"],
                           line["bytes_per_logit"]) for line in found],
                         [(who, rows, launches, 4.0 * launches, 3.0 * launches)
                          for rows in (1, 16) for who, launches in (("fundamentallm", 1), ("FlashInfer 9.8", 2))])
        self.assertIn("FlashInfer 9.8", result.stdout)

    def test_it_says_what_is_missing(self):
        result = self.run_script(runner=False)
        self.assertEqual((result.returncode, result.stdout), (77, ""))
        self.assertIn("skipped: FLLM_GPU_RUNNER", result.stderr)
        os.remove(self.root / "bin" / "nvcc")
        if not shutil.which("nvcc", path="/usr/bin:/bin"):
            result = self.run_script()
            self.assertEqual(result.returncode, 77)
            self.assertIn("skipped: nvcc", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
