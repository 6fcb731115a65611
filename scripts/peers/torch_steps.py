# SPDX-License-Identifier: Apache-2.0
"""Sampling steps in plain PyTorch on logits [rows, vocab] of any device: every function returns tokens [rows, 1]."""
import torch

NONE = float("-inf")


def penalised(logits, ids, counts, repetition, frequency, presence):
    """ids, counts: [rows, n], of tokens in the output."""
    scores = logits.gather(1, ids)
    scores = torch.where(scores > 0, scores / repetition, scores * repetition)
    return logits.scatter(1, ids, scores - frequency * counts - presence)


def draw(logits):
    return torch.multinomial(torch.softmax(logits, dim=-1), 1)


def with_min_p(logits, p):
    probabilities = torch.softmax(logits, dim=-1)
    return logits.masked_fill(probabilities < p * probabilities.max(dim=-1, keepdim=True)[0], NONE)


def _outside(ordered, p):
    probabilities = torch.softmax(ordered, dim=-1)
    return torch.cumsum(probabilities, dim=-1) - probabilities >= p


def draw_top_p(logits, p):
    ordered, order = torch.sort(logits, descending=True)
    return order.gather(1, draw(ordered.masked_fill(_outside(ordered, p), NONE)))


def draw_top_k_top_p(logits, k, p):
    """On the k alone: the shortest way, where no other filter needs the whole row afterwards."""
    ordered, order = torch.topk(logits, k)
    return order.gather(1, draw(ordered.masked_fill(_outside(ordered, p), NONE)))


def draw_full_row_top_k_top_p(logits, k, p):
    """The way transformers does it: masks over the whole row, so that the parts compose."""
    kth = torch.topk(logits, k)[0][..., -1, None]
    logits = logits.masked_fill(logits < kth, NONE)
    ordered, order = torch.sort(logits, descending=True)
    outside = _outside(ordered, p)
    return draw(logits.masked_fill(outside.scatter(1, order, outside), NONE))
