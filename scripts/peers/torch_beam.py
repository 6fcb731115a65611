#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times a beam search with a FundamentaLLM model in plain PyTorch, with the work Hugging Face's does in each step: log-softmax,
the best 2 K continuations, gathered histories, a pool of finished ones, a reordered cache, and one look at the result. Its
beams end with no token, so that every search is as long. Prints one JSON line."""
import json

import torch

from torch_generate import parser_of, timed

NEVER = -1.0e9  # the score of what does not count


def gathered(histories, beams):
    """[beams, tokens] of the chosen beams."""
    return histories.index_select(0, beams)


def search(model, prompt, width, tokens, alpha=1.0):
    end = -1  # no token is
    cache = model.new_cache(width)
    histories = torch.zeros((width, tokens), dtype=torch.long)
    origins = torch.zeros((width, tokens), dtype=torch.int)
    pool, pool_origins = histories.clone(), origins.clone()
    scores, pool_scores = torch.full((width,), NEVER), torch.full((width,), NEVER)
    scores[0] = 0
    finished = torch.zeros(width, dtype=torch.bool)
    improvable = torch.ones(1, dtype=torch.bool)
    among_first = torch.arange(2 * width) < width
    logits = model.forward(prompt.expand(width, -1), 0, cache)
    for step in range(tokens):
        ranks = (torch.log_softmax(logits, -1) + scores[:, None]).view(-1)
        best, places = torch.topk(ranks, 2 * width)
        beams, ids = places // logits.shape[-1], places % logits.shape[-1]
        candidates, candidate_origins = gathered(histories, beams), gathered(origins, beams)
        candidates[:, step], candidate_origins[:, step] = ids, beams.to(torch.int)
        ends = (ids == end) | (step + 1 == tokens)

        going_on = torch.topk(best + ends * NEVER, width)[1]
        scores = (best + ends * NEVER).index_select(0, going_on)
        histories, origins = gathered(candidates, going_on), gathered(candidate_origins, going_on)

        entering = ends & among_first
        normalised = best / (step + 1) ** alpha + ~entering * NEVER + ~improvable * NEVER
        merged = torch.cat((pool_scores, normalised))
        pool_scores, kept = torch.topk(merged, width)
        pool = gathered(torch.cat((pool, candidates)), kept)
        pool_origins = gathered(torch.cat((pool_origins, candidate_origins)), kept)
        finished = torch.cat((finished, entering)).index_select(0, kept)

        worst = torch.where(finished, pool_scores.min(), torch.tensor(NEVER))
        improvable = improvable & (scores[:1] / (step + 1) ** alpha > worst).any()
        if not (improvable & ~ends.all()):  # the host waits for it
            break
        position = prompt.shape[1] + step
        cache = reordered(cache, beams.index_select(0, going_on), position)
        logits = model.forward(histories[:, step:step + 1], position, cache)
    return pool[0]


def reordered(cache, beams, length):
    """The first positions of the beams' keys and values, copied."""
    cache[..., :length, :] = cache[..., :length, :].index_select(2, beams)
    return cache


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--width", type=int, default=5)
    options = parser.parse_args()
    timing = timed(options, lambda model, prompt: search(model, prompt, options.width, options.tokens))
    print(json.dumps({"what": "beams", "width": options.width, "threads": options.threads, **timing}))


if __name__ == "__main__":
    main()
