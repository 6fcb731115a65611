# SPDX-License-Identifier: Apache-2.0
"""What the CPU peers of the sampler do, as apps/bench/bench_sampler.cpp does it here: the same filters on like rows."""
import json
import sys

from timing import measure

HISTORY = 500  # distinct ids with penalties in every row
REPETITION, FREQUENCY, PRESENCE = 1.1, 0.2, 0.1
TEMPERATURE, MIN_P, TOP_K, TOP_P = 0.8, 0.02, 50, 0.9
PEAKED = 4  # standard deviation of peaked rows; others have 1


def history_ids(vocab):
    return [i * (vocab // HISTORY) for i in range(HISTORY)]


def history_counts():
    return [1 + i % 3 for i in range(HISTORY)]


def arguments():
    """(rows, vocab, runs) of the command line."""
    return map(int, sys.argv[1:])


def report(peer, what, runs, work, before=lambda: None):
    print(json.dumps({"what": what, "peer": peer, **measure(runs, work, before)}), flush=True)
