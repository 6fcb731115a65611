#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times x W^T in binary32 with the BLAS of NumPy: blas_product.py ROWS OUT IN RUNS. Prints one JSON line.

The library's threads are set by its environment, e.g. OPENBLAS_NUM_THREADS, before the start.
"""
import json
import os
import re
import sys

import numpy

from timing import measure


def blas_name():
    """The library that the products come from, as far as the system can tell."""
    try:
        with open("/proc/self/maps", encoding="utf-8") as maps:
            files = {os.path.basename(path) for path in re.findall(r"/\S*blas\S*", maps.read())}
    except OSError:
        files = set()
    return f"NumPy {numpy.__version__}'s BLAS ({', '.join(sorted(files)) or 'unknown'})"


def main():
    rows, out, inner, runs = map(int, sys.argv[1:])
    random = numpy.random.default_rng(1)
    x = random.standard_normal((rows, inner), dtype=numpy.float32)
    weight = random.standard_normal((out, inner), dtype=numpy.float32)
    y = numpy.empty((rows, out), dtype=numpy.float32)
    print(json.dumps({"what": "product", "peer": blas_name(), **measure(runs, lambda: numpy.matmul(x, weight.T, out=y))}))


if __name__ == "__main__":
    main()
