#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times PyTorch's own sampling steps on one 128,256-wide binary32 row, one thread. Prints JSON lines."""
import json
import sys

import torch

from timing import measure

VOCAB = 128256
HISTORY = 500


def penalties(logits, ids, counts):
    scores = logits.gather(1, ids)
    scores = torch.where(scores > 0, scores / 1.1, scores * 1.1)
    return logits.scatter(1, ids, scores - 0.2 * counts - 0.1)


def top_p(logits, p):
    values, order = torch.sort(logits, descending=True)
    probabilities = torch.softmax(values, dim=-1)
    outside = torch.cumsum(probabilities, dim=-1) - probabilities >= p
    return order.gather(1, torch.multinomial(probabilities.masked_fill(outside, 0.0), 1))


def top_k_top_p(logits, k, p):
    values, order = torch.topk(logits, k)
    probabilities = torch.softmax(values, dim=-1)
    outside = torch.cumsum(probabilities, dim=-1) - probabilities >= p
    return order.gather(1, torch.multinomial(probabilities.masked_fill(outside, 0.0), 1))


def full_row_top_k_top_p(logits, k, p):
    """The way transformers does it: masks over the whole row, so that the parts compose."""
    kth = torch.topk(logits, k)[0][..., -1, None]
    logits = logits.masked_fill(logits < kth, float("-inf"))
    ordered, order = torch.sort(logits, descending=True)
    probabilities = torch.softmax(ordered, dim=-1)
    outside = torch.cumsum(probabilities, dim=-1) - probabilities >= p
    logits = logits.masked_fill(outside.scatter(1, order, outside), float("-inf"))
    return torch.multinomial(torch.softmax(logits, dim=-1), 1)


def main():
    runs = int(sys.argv[1])
    torch.set_num_threads(1)
    torch.manual_seed(1)
    logits = torch.randn(1, VOCAB)
    ids = torch.arange(HISTORY)[None] * 256
    counts = (1 + torch.arange(HISTORY) % 3).float()[None]
    cases = {
        "greedy": lambda: torch.argmax(logits, dim=-1),
        "neutral": lambda: torch.multinomial(torch.softmax(logits, dim=-1), 1),
        "top-p 0.9": lambda: top_p(logits, 0.9),
        "top-k 50 + top-p 0.9": lambda: full_row_top_k_top_p(logits, 50, 0.9),
        "top-k 50 + top-p 0.9 + penalties": lambda: full_row_top_k_top_p(penalties(logits, ids, counts), 50, 0.9),
        "top-k 50 + top-p 0.9, on the k alone": lambda: top_k_top_p(logits, 50, 0.9),
    }
    with torch.no_grad():
        for name, work in cases.items():
            print(json.dumps({"what": "sample " + name, **measure(runs, work)}))


if __name__ == "__main__":
    main()
