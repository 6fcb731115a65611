#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times the sampling steps in NumPy on binary32 rows, one thread: numpy_sampler.py ROWS VOCAB RUNS. Prints JSON lines."""
import numpy

import sampler_cases as cases

NONE = numpy.float32(-numpy.inf)
RANDOM = numpy.random.default_rng(1)


def softmax(logits):
    masses = numpy.exp(logits - logits.max(axis=-1, keepdims=True))
    masses /= masses.sum(axis=-1, keepdims=True)
    return masses


def draw(logits):
    sums = numpy.cumsum(softmax(logits), axis=-1)
    bits = RANDOM.random(len(logits), dtype=numpy.float32) * sums[:, -1]
    return numpy.array([numpy.searchsorted(row, u, side="right") for row, u in zip(sums, bits)])[:, None]


def penalised(logits, ids, counts):
    logits = logits.copy()
    scores = logits[:, ids]
    scores = numpy.where(scores > 0, scores / cases.REPETITION, scores * cases.REPETITION)
    logits[:, ids] = scores - cases.FREQUENCY * counts - cases.PRESENCE
    return logits


def with_min_p(logits, p):
    return numpy.where(logits < logits.max(axis=-1, keepdims=True) + numpy.log(p, dtype=numpy.float32), NONE, logits)


def draw_top_p(logits, p, candidates=None):
    """candidates: ids [rows, n] to draw from; None: all."""
    if candidates is None:
        order = numpy.argsort(-logits, axis=-1)
    else:
        inside = numpy.argsort(-numpy.take_along_axis(logits, candidates, axis=-1), axis=-1)
        order = numpy.take_along_axis(candidates, inside, axis=-1)
    ordered = numpy.take_along_axis(logits, order, axis=-1)
    probabilities = softmax(ordered)
    outside = numpy.cumsum(probabilities, axis=-1) - probabilities >= p
    return numpy.take_along_axis(order, draw(numpy.where(outside, NONE, ordered)), axis=-1)


def draw_top_k_top_p(logits, k, p):
    """On the k alone."""
    return draw_top_p(logits, p, numpy.argpartition(logits, -k, axis=-1)[:, -k:])


def draw_full_row_top_k_top_p(logits, k, p):
    """Over the whole row, so that the parts compose."""
    kth = numpy.partition(logits, -k, axis=-1)[:, -k, None]
    return draw_top_p(numpy.where(logits < kth, NONE, logits), p)


def main():
    rows, vocab, runs = cases.arguments()
    logits = numpy.random.default_rng(1).standard_normal((rows, vocab), dtype=numpy.float32)
    peaked = logits * numpy.float32(cases.PEAKED)
    ids, counts = numpy.array(cases.history_ids(vocab)), numpy.array(cases.history_counts(), dtype=numpy.float32)
    k, p = cases.TOP_K, cases.TOP_P

    def edited():
        return penalised(logits, ids, counts)

    def filtered():
        return with_min_p(edited() / numpy.float32(cases.TEMPERATURE), cases.MIN_P)

    peer = "NumPy " + numpy.__version__
    alone = peer + ", on the k alone"
    for name, what, work in (
            (peer, "greedy", lambda: logits.argmax(axis=-1)),
            (peer, "neutral", lambda: draw(logits)),
            (peer, "top-p 0.9", lambda: draw_top_p(logits, p)),
            (peer, "top-p 0.9, peaked rows", lambda: draw_top_p(peaked, p)),
            (peer, "top-k 50 + top-p 0.9", lambda: draw_full_row_top_k_top_p(logits, k, p)),
            (alone, "top-k 50 + top-p 0.9", lambda: draw_top_k_top_p(logits, k, p)),
            (peer, "top-k 50 + top-p 0.9 + penalties", lambda: draw_full_row_top_k_top_p(edited(), k, p)),
            (peer, "all filters", lambda: draw_full_row_top_k_top_p(filtered(), k, p)),
            (alone, "all filters", lambda: draw_top_k_top_p(filtered(), k, p))):
        cases.report(name, what, runs, work)


if __name__ == "__main__":
    main()
