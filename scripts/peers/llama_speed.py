#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times llama.cpp (llama-cpp-python) on a GGUF file: llama_speed.py FILE THREADS RUNS. Prints JSON lines.

Steps of one row after a short prompt, a prompt of 512 tokens, and steps of 32 rows of one token each.
"""
import json
import sys
import time

import llama_cpp

PROMPT, ROWS, STEPS = 512, 32, 16


@llama_cpp.llama_log_callback
def be_quiet(*_):
    pass


class Context:
    def __init__(self, model, threads):
        options = llama_cpp.llama_context_default_params()
        options.n_ctx, options.n_batch, options.n_ubatch, options.n_seq_max = 4096, PROMPT, PROMPT, ROWS
        options.kv_unified = True
        options.n_threads = options.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(model, options)
        self.batch = llama_cpp.llama_batch_init(PROMPT, 0, 1)

    def clear(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def decode(self, rows, all_logits):
        """rows: (position, sequence) of each token."""
        batch = self.batch
        batch.n_tokens = len(rows)
        for i, (position, sequence) in enumerate(rows):
            batch.token[i], batch.pos[i] = 100 + i, position
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequence
            batch.logits[i] = all_logits or i == len(rows) - 1
        status = llama_cpp.llama_decode(self.context, batch)
        if status != 0:
            sys.exit(f"llama_decode: status {status}")
        llama_cpp.llama_synchronize(self.context)


def rate(context, rows, steps, runs, work):
    """Rows in a second, of the fastest step."""
    seconds = []
    for _ in range(runs):
        context.clear()
        for step in range(steps):
            start = time.perf_counter()
            work(step)
            seconds.append(time.perf_counter() - start)
    return rows / min(seconds)


def main():
    file, threads, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    llama_cpp.llama_log_set(be_quiet, None)
    model = llama_cpp.llama_model_load_from_file(file.encode(), llama_cpp.llama_model_default_params())
    if not model:
        sys.exit(f"{file}: not a model")
    context = Context(model, threads)
    peer = "llama.cpp (llama-cpp-python " + llama_cpp.__version__ + ")"
    works = {"one row": (1, STEPS, lambda step: context.decode([(step, 0)], True)),
             "prompt": (PROMPT, 1, lambda _: context.decode([(i, 0) for i in range(PROMPT)], False)),
             "batch": (ROWS, STEPS, lambda step: context.decode([(step, row) for row in range(ROWS)], True))}
    for what, (rows, steps, work) in works.items():
        print(json.dumps({"what": what, "peer": peer, "rows": rows, "rows_per_second": rate(context, rows, steps, runs, work)}))


if __name__ == "__main__":
    main()
