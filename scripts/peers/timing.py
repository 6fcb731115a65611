# SPDX-License-Identifier: Apache-2.0
"""How the peers are timed."""
import time


def measure(runs, work, before=lambda: None):
    """Runs work after one warm-up, `runs` times, as apps/bench does; what `before` does is not counted.

    Returns {"seconds": least, "median_seconds", "median_cpu_seconds": of all threads of the process}.
    """
    before()
    work()
    walls, cpus = [], []
    for _ in range(runs):
        before()
        cpu, start = time.process_time(), time.perf_counter()
        work()
        walls.append(time.perf_counter() - start)
        cpus.append(time.process_time() - cpu)
    return {"seconds": min(walls), "median_seconds": sorted(walls)[runs // 2], "median_cpu_seconds": sorted(cpus)[runs // 2]}
