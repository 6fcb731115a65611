#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times x W^T in binary32 with the BLAS of NumPy: blas_product.py ROWS OUT IN RUNS. Prints one JSON line.

The library's threads are set by its environment, e.g. OPENBLAS_NUM_THREADS, before the start.
"""
import json
import sys

import numpy

from blas_name import loaded_blas
from timing import measure


def main():
    rows, out, inner, runs = map(int, sys.argv[1:])
    random = numpy.random.default_rng(1)
    x = random.standard_normal((rows, inner), dtype=numpy.float32)
    weight = random.standard_normal((out, inner), dtype=numpy.float32)
    y = numpy.empty((rows, out), dtype=numpy.float32)
    timing = measure(runs, lambda: numpy.matmul(x, weight.T, out=y))
    print(json.dumps({"what": "product", "peer": f"NumPy {numpy.__version__}, BLAS {loaded_blas() or 'unknown'}", **timing}))


if __name__ == "__main__":
    main()
