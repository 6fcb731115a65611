# SPDX-License-Identifier: Apache-2.0
"""The packages a golden test compares with: this Python's, or those in the folder FLLM_PYTHON_PACKAGES
(scripts/fetch_python_packages), which go first."""
import importlib
import os
import sys


def require(*names):
    """The modules, in this order. Exits 77 with the reason where one is missing."""
    folder = os.environ.get("FLLM_PYTHON_PACKAGES")
    if folder and folder not in sys.path:
        sys.path.insert(0, folder)
    modules = []
    for name in names:
        try:
            modules.append(importlib.import_module(name))
        except ImportError as error:
            print(f"skipped: {sys.executable} has no {name} ({error}); scripts/fetch_python_packages gets it")
            sys.exit(77)
    return modules
