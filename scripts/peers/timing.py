# SPDX-License-Identifier: Apache-2.0
"""How the peers are timed."""
import time


def measure(runs, work):
    """Runs work after one warm-up, `runs` times: {"seconds": least, "median_seconds"}, as apps/bench does."""
    work()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    seconds.sort()
    return {"seconds": seconds[0], "median_seconds": seconds[len(seconds) // 2]}
