#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/check_layers finds what it claims to find: each case is a file that breaks one rule, and its legal twin."""
import importlib.machinery
import importlib.util
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check_layers"
loader = importlib.machinery.SourceFileLoader("check_layers", str(SCRIPT))
loader.exec_module(check := importlib.util.module_from_spec(importlib.util.spec_from_loader("check_layers", loader)))

LICENCE = "// SPDX-License-Identifier: Apache-2.0\n"


def found(file, body, licence=LICENCE):
    return list(check.check_file(file, licence + body))


class CheckLayers(unittest.TestCase):
    def assert_only(self, violations, text):
        self.assertEqual(len(violations), 1, violations)
        self.assertIn(text, violations[0])

    def test_arrows(self):
        for file, target in [("host/model/a.cpp", "host/engine/step.h"), ("cuda/kernels/a.h", "cuda/backend/backend.h"),
                             ("cuda/kernels/a.h", "fundamentallm/result.h"), ("apps/cli/a.cpp", "host/engine/step.h"),
                             ("host/engine/a.cpp", "host/api/guard.h"), ("include/fundamentallm/a.h", "host/util/a.h"),
                             ("host/model/a.cpp", "cuda/kernels/rms_norm.h"), ("cuda/portable/a.h", "cuda/cta/a.h"),
                             ("host/engine/a.cpp", "cuda/backend/sampler_backend.h")]:
            self.assert_only(found(file, f'#include "{target}"\n'), "may not include")
        for file, target in [("host/api/a.cpp", "host/engine/step.h"), ("host/api/a.cpp", "cuda/backend/sampler_backend.h"),
                             ("host/model/a.cpp", "cuda/backend/backend.h"),
                             ("host/model/a.cpp", "cuda/kernels/model_params.h"), ("apps/cli/a.cpp", "apps/cli/b.h"),
                             ("cuda/kernels/a.h", "cuda/launch/launch_shape.h"), ("tests/unit/a.cpp", "host/api/a.h"),
                             ("include/fundamentallm/a.h", "fundamentallm/result.h")]:
            self.assertEqual(found(file, f'#include "{target}"\n'), [])

    def test_unknown_folder(self):
        self.assert_only(found("host/utils/a.cpp", '#include "host/utils/a.h"\n'), "no layer")

    def test_third_party(self):
        self.assert_only(found("host/engine/a.cpp", "#include <cuda_runtime.h>\n"), "belongs to")
        self.assert_only(found("include/fundamentallm/a.h", "#include <nlohmann/json.hpp>\n"), "standard headers")
        self.assert_only(found("include/fundamentallm/a.h", "#include <stdio.h>\n"), "standard headers")
        self.assertEqual(found("cuda/runtime/a.h", "#include <cuda_runtime.h>\n"), [])
        self.assertEqual(found("include/fundamentallm/a.h", "#include <stddef.h>\n#include <stdint.h>\n"), [])

    def test_repeated_include(self):
        self.assert_only(found("tests/unit/a.cpp", "#include <string>\n#include <vector>\n#include <string>\n"), "twice")
        self.assertEqual(found("tests/unit/a.cpp", '#include <string>\n#include "string"\n'), [])

    def test_words(self):
        self.assert_only(found("cuda/kernels/a.h", "#ifdef __CUDACC__\n"), "__CUDACC__")
        self.assert_only(found("cuda/kernels/a.h", "int i = threadIdx.x;\n"), "device vocabulary")
        self.assert_only(found("host/engine/a.cpp", "// TO" + "DO later\n"), "unfinished")
        self.assertEqual(found("cuda/cta/a.h", "int i = threadIdx.x;\n"), [])
        self.assertEqual(found("cuda/kernels/a.h", "// no threadIdx here\n"), [])

    def test_lengths(self):
        self.assert_only(found("host/engine/a.cpp", "\n" * 400), "longer than 400")
        self.assert_only(found("cuda/kernels/a.h", "\n" * 150), "longer than 150")
        self.assertEqual(found("cuda/kernels/a.h", "\n" * 149), [])

    def test_licence_and_machine(self):
        self.assert_only(found("host/engine/a.cpp", "int a;\n", licence=""), "licence")
        self.assert_only(found("README.md", "see /wo" + "rk/main\n"), "path of one machine")
        self.assertEqual(found("README.md", "a framework/path\n"), [])
        self.assert_only(found("cuda/cta/a.cuh", ""), ".cuh")


if __name__ == "__main__":
    unittest.main()
