#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times PyTorch's own sampling steps on binary32 rows, one thread: torch_sampler.py ROWS VOCAB RUNS. Prints JSON lines."""
import torch

import sampler_cases as cases
import torch_steps as steps


def main():
    rows, vocab, runs = cases.arguments()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    logits = torch.randn(rows, vocab)
    peaked = logits * cases.PEAKED
    ids = torch.tensor(cases.history_ids(vocab)).expand(rows, -1)
    counts = torch.tensor(cases.history_counts(), dtype=torch.float32).expand(rows, -1)
    k, p = cases.TOP_K, cases.TOP_P

    def edited():
        return steps.penalised(logits, ids, counts, cases.REPETITION, cases.FREQUENCY, cases.PRESENCE)

    def filtered():
        return steps.with_min_p(edited() / cases.TEMPERATURE, cases.MIN_P)

    peer = "PyTorch " + torch.__version__.split("+")[0]
    alone = peer + ", on the k alone"
    with torch.no_grad():
        for name, what, work in (
                (peer, "greedy", lambda: torch.argmax(logits, dim=-1)),
                (peer, "neutral", lambda: steps.draw(logits)),
                (peer, "top-p 0.9", lambda: steps.draw_top_p(logits, p)),
                (peer, "top-p 0.9, peaked rows", lambda: steps.draw_top_p(peaked, p)),
                (peer, "top-k 50 + top-p 0.9", lambda: steps.draw_full_row_top_k_top_p(logits, k, p)),
                (alone, "top-k 50 + top-p 0.9", lambda: steps.draw_top_k_top_p(logits, k, p)),
                (peer, "top-k 50 + top-p 0.9 + penalties", lambda: steps.draw_full_row_top_k_top_p(edited(), k, p)),
                (peer, "all filters", lambda: steps.draw_full_row_top_k_top_p(filtered(), k, p)),
                (alone, "all filters", lambda: steps.draw_top_k_top_p(filtered(), k, p))):
            cases.report(name, what, runs, work)


if __name__ == "__main__":
    main()
