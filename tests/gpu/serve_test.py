#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`fundamentallm serve --device cuda` with the bundled model: through a program that supplies a CUDA runtime, or on a device."""
import concurrent.futures
import os
import shlex
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))
import server  # noqa: E402

RUNNER = shlex.split(os.environ.get("FLLM_GPU_RUNNER", os.environ.get("FLLM_CONFIGURED_GPU_RUNNER", "")))


class ServeOnCuda(unittest.TestCase):
    def test_streams_and_samples(self):
        with server.Server("--max-rows", "8", device="cuda", runner=RUNNER) as running, server.Server() as on_cpu:
            requests = [{"prompt": prompt, "seed": seed, "max_tokens": 6, "temperature": 0, "logprobs": 1} for seed, prompt in enumerate(["ROMEO:", "JULIET:", "A"])]
            with concurrent.futures.ThreadPoolExecutor(3) as pool:
                streams = list(pool.map(lambda request: running.events(**request), requests))
            for request, events in zip(requests, streams):
                self.assertEqual(events[-1], "[DONE]")
                self.assertEqual(server.text_of(events), on_cpu.complete(**request)["choices"][0]["text"])
            fields = {"prompt": "ROMEO:", "seed": 3, "n": 3, "max_tokens": 5, "min_tokens": 5}
            reply = running.complete(**fields)
            self.assertEqual(reply["usage"], {"prompt_tokens": 6, "completion_tokens": 15, "total_tokens": 21, "prompt_tokens_details": {"cached_tokens": 0}})
            self.assertEqual(reply["choices"], running.complete(**fields)["choices"])
            with running.stream(prompt="ROMEO:", n=250, max_tokens=200, min_tokens=200) as response:
                next(server.events_of(response))
            running.until(lambda metrics: metrics["fundamentallm_running_rows"] == 0, "cancelled")
            self.assertEqual(running.stop()[0], 0)


if __name__ == "__main__":
    if not RUNNER and not os.path.exists("/dev/nvidiactl"):
        print("skipped: no CUDA device here, and FLLM_GPU_RUNNER names no program that supplies a CUDA runtime")
        sys.exit(77)
    unittest.main()
