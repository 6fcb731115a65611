#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The installed package: what importing it loads, its files, help and stubs, threads and forks."""
import ast
import importlib.metadata
import importlib.resources
import inspect
import io
import os
import pydoc
import subprocess
import sys
import threading
import time
import unittest

import fundamentallm
import numpy as np
from fundamentallm import _native


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True).stdout.strip()


class Import(unittest.TestCase):
    def test_loads_no_array_library(self):
        loaded = python("import sys, fundamentallm; print([m for m in ('numpy', 'torch', 'cupy', 'transformers') if m in sys.modules])")
        self.assertEqual(loaded, "[]")

    def test_numpy_rows_load_numpy_alone(self):
        loaded = python("import sys, numpy, fundamentallm; fundamentallm.sample(numpy.zeros((1, 4), 'f4')); print('torch' in sys.modules)")
        self.assertEqual(loaded, "False")

    def test_the_hugging_face_adapter_does_not_load_transformers(self):
        self.assertEqual(python("import sys, fundamentallm.hf; print('transformers' in sys.modules, 'torch' in sys.modules)"), "False False")

    def test_version(self):
        self.assertEqual(fundamentallm.__version__, importlib.metadata.version("fundamentallm"))


class Files(unittest.TestCase):
    def test_the_distribution_holds_what_it_should(self):
        files = {str(file) for file in importlib.metadata.files("fundamentallm")}
        package = {file.removeprefix("fundamentallm/") for file in files if file.startswith("fundamentallm/")}
        modules = {file for file in package if file.endswith(".py")}
        extensions = {file for file in package if file.startswith("_native.") and file.endswith(".so")}
        self.assertEqual(modules, {"__init__.py", "_arrays.py", "_constraint.py", "_edits.py", "_filters.py", "_history.py", "_inputs.py",
                                   "_result.py", "_rows.py", "_sampler.py", "_sequences.py", "_shard.py", "_text.py", "_types.py",
                                   "grammars.py", "hf.py"})
        self.assertEqual(len(extensions), 1)
        generators = {file for file in package if file.startswith("_generator.") and file.endswith(".so")}
        self.assertLessEqual(len(generators), 1)
        others = {file for file in package - modules - extensions - generators if "__pycache__" not in file}
        self.assertEqual(others, {"_generator.pyi", "_native.pyi", "py.typed", "licenses/nanobind.txt", "licenses/robin_map.txt"})
        beside = {file for file in files if not file.startswith("fundamentallm/")}
        self.assertTrue(all(".dist-info/" in file for file in beside), beside)
        self.assertTrue(any(file.endswith("licenses/LICENSE") for file in beside), beside)

    def test_the_licences(self):
        folder = importlib.resources.files("fundamentallm") / "licenses"
        self.assertIn("Wenzel Jakob", (folder / "nanobind.txt").read_text())
        self.assertIn("MIT License", (folder / "robin_map.txt").read_text())
        self.assertEqual(importlib.metadata.metadata("fundamentallm")["License-Expression"], "Apache-2.0")

    def test_the_extension_needs_no_library_that_pip_cannot_know(self):
        listing = subprocess.run(["readelf", "--dynamic", _native.__file__], capture_output=True, text=True, check=True).stdout
        needed = {line.split("[")[1].split(".so")[0] for line in listing.splitlines() if "(NEEDED)" in line}
        self.assertLessEqual(needed, {"libstdc++", "libm", "libgcc_s", "libc", "libpthread", "libdl", "librt", "ld-linux-x86-64", "ld-linux-aarch64"})

    def test_the_extension_shows_one_symbol(self):
        listing = subprocess.run(["readelf", "--dyn-syms", "--wide", _native.__file__], capture_output=True, text=True, check=True).stdout
        shown = {line.split()[-1] for line in listing.splitlines() if " GLOBAL " in line and " DEFAULT " in line and " UND " not in line}
        self.assertEqual({name for name in shown if name.startswith("fllm")}, set())
        self.assertIn("PyInit__native", shown)


class Documentation(unittest.TestCase):
    def test_help(self):
        out = io.StringIO()
        pydoc.Helper(output=out).help(fundamentallm)
        for word in ("sample", "Sampler", "History", "Edits", "Filters", "Sequences", "Shard", "pack_mask"):
            self.assertIn(word, out.getvalue())
        self.assertIn("temperature", pydoc.render_doc(fundamentallm.sample))

    def test_everything_public_is_documented(self):
        for name in fundamentallm.__all__:
            thing = getattr(fundamentallm, name)
            if name.startswith("__"):
                continue
            self.assertTrue(inspect.getdoc(thing), name)
            for member, value in vars(thing).items() if inspect.isclass(thing) else ():
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, (property, classmethod))):
                    self.assertTrue(inspect.getdoc(getattr(thing, member)), f"{name}.{member}")

    def test_every_parameter_is_described(self):
        for thing in (fundamentallm.sample, fundamentallm.sample_sharded, fundamentallm.Sampler().sample_shard, fundamentallm.Edits,
                      fundamentallm.Filters, fundamentallm.Sequences, fundamentallm.Shard, fundamentallm.Generator):
            for name in inspect.signature(thing).parameters:
                self.assertRegex(inspect.getdoc(thing), rf"(?m)^({name}|[\w, ]*\b{name}\b[\w, ]*):", name)

    def test_the_stub_lists_what_the_extension_has(self):
        stub = ast.parse((importlib.resources.files("fundamentallm") / "_native.pyi").read_text())
        classes = {node.name: node for node in stub.body if isinstance(node, ast.ClassDef)}
        values = {node.target.id for node in stub.body if isinstance(node, ast.AnnAssign)}
        functions = {node.name for node in stub.body if isinstance(node, ast.FunctionDef)}
        self.assertEqual(set(classes) | values | functions, {name for name in vars(_native) if not name.startswith("_")})
        methods = {node.name for node in classes["Sampler"].body if isinstance(node, ast.FunctionDef)} - {"__init__"}
        self.assertEqual(methods, {name for name in vars(_native.Sampler) if not name.startswith("_")})


class Processes(unittest.TestCase):
    def test_another_thread_runs_during_a_call(self):
        """With a switch interval of days the interpreter's lock changes hands only where its holder lets go of it. This thread
        does so in calls of the library alone, so if the other one advances, it does during a call."""
        logits = np.random.default_rng(60).standard_normal((64, 1 << 17)).astype(np.float32)
        turns, stop = 0, False

        def count():
            nonlocal turns
            while not stop:
                turns += 1
                time.sleep(0)

        thread = threading.Thread(target=count)
        interval = sys.getswitchinterval()
        try:
            thread.start()
            sys.setswitchinterval(1e5)
            before, calls = turns, 0
            while turns == before and calls < 1000:
                fundamentallm.sample(logits, temperature=0.9, top_p=0.9)
                calls += 1
        finally:
            stop = True
            sys.setswitchinterval(interval)
            thread.join()
        self.assertGreater(turns, before)

    def test_calls_from_several_threads(self):
        rng = np.random.default_rng(61)
        batches = [rng.standard_normal((5, 2000)).astype(np.float32) for _ in range(6)]
        expected = [fundamentallm.sample(batch, seed=range(5)).tokens.tolist() for batch in batches]
        found = [None] * len(batches)

        def work(index):
            for _ in range(20):
                found[index] = fundamentallm.sample(batches[index], seed=range(5)).tokens.tolist()

        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(batches))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, expected)

    def test_a_fork(self):
        code = """
import os, numpy, fundamentallm
logits = numpy.random.default_rng(1).standard_normal((8, 5000)).astype('f4')
own = fundamentallm.Sampler('cpu', threads=2)
expected = fundamentallm.sample(logits, seed=range(8)).tokens.tolist(), own.sample(logits, seed=range(8)).tokens.tolist()
child = os.fork()
again = fundamentallm.sample(logits, seed=range(8)).tokens.tolist(), own.sample(logits, seed=range(8)).tokens.tolist()
if child == 0:
    raise SystemExit(0 if again == expected else 3)  # ends as a process does, destructors included
print(again == expected, os.waitpid(child, 0)[1])
"""
        self.assertEqual(python(code), "True 0")


if __name__ == "__main__":
    unittest.main(verbosity=2)
