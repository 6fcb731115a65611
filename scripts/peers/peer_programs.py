# SPDX-License-Identifier: Apache-2.0
"""The programs of this folder, run by the Python that has what they measure."""
import json
import os
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
PACKAGES = {"torch": "PyTorch (Debian: python3-torch)", "numpy": "NumPy (Debian: python3-numpy)",
            "llama_cpp": "llama.cpp (PyPI: llama-cpp-python)", "xgrammar": "xgrammar (PyPI)", "llguidance": "llguidance (PyPI)"}
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


def run(command, **options):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
                          **options).stdout


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


class Peers:
    """Runs the programs of scripts/peers; keeps the reasons why some could not be."""

    def __init__(self):
        self.skipped = []
        self.pythons = {}

    def python(self, module):
        if module not in self.pythons:
            self.pythons[module] = self.find_python(module)
            if not self.pythons[module]:
                self.skip(f"no Python with {PACKAGES[module]}")
        return self.pythons[module]

    @staticmethod
    def find_python(module):
        for python in filter(None, [os.environ.get("FLLM_BENCH_PYTHON"), "python3", "/usr/bin/python3"]):
            try:
                run([python, "-c", "import " + module], stderr=subprocess.DEVNULL)
                return python
            except (subprocess.CalledProcessError, FileNotFoundError):
                continue
        return None

    def skip(self, reason):
        if reason not in self.skipped:
            self.skipped.append(reason)
            print(f"bench: peer skipped: {reason}", file=sys.stderr)

    def lines(self, module, script, *arguments, runner=()):
        """What a script printed; nothing when there is no Python for it."""
        python = self.python(module)
        if not python:
            return []
        try:
            return json_lines(run([*runner, python, os.path.join(FOLDER, script), *arguments], env={**os.environ, **ONE_THREAD}))
        except subprocess.CalledProcessError as error:
            self.skip(f"{script} {' '.join(map(str, arguments))}: exit status {error.returncode}")
            return []
