#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times llama.cpp's sampler chain (llama-cpp-python) on binary32 rows: llama_sampler.py ROWS VOCAB RUNS. Prints JSON lines.

The chain works on an array of candidates (id, logit, p) that it sorts and cuts, so the array is built again for each row.
That is timed once with the chain and once left out. Building is one copy of a ready array, a little less than llama.cpp's
own loop over the logits.
"""
import ctypes

import llama_cpp
import numpy

import sampler_cases as cases

CANDIDATE = numpy.dtype([("id", numpy.int32), ("logit", numpy.float32), ("p", numpy.float32)])


class Candidates:
    """The array of every row, built from logits [rows, vocab]."""

    def __init__(self, logits):
        rows, self.vocab = logits.shape
        self.ready = numpy.zeros((rows, self.vocab), CANDIDATE)
        self.ready["id"] = numpy.arange(self.vocab)
        self.ready["logit"] = logits
        self.used = numpy.empty_like(self.ready)
        self.arrays = []
        for row in self.used:
            data = row.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data))
            self.arrays.append(llama_cpp.llama_token_data_array(data=data, size=self.vocab, selected=-1, sorted=False))

    def build(self, row):
        ctypes.memmove(self.used[row].ctypes.data, self.ready[row].ctypes.data, self.ready[row].nbytes)
        array = self.arrays[row]
        array.size, array.selected, array.sorted = self.vocab, -1, False

    def build_all(self):
        for row in range(len(self.arrays)):
            self.build(row)

    def draw(self, chain, row):
        array = self.arrays[row]
        llama_cpp.llama_sampler_apply(chain, ctypes.byref(array))
        assert array.selected >= 0


def chain_of(*samplers):
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    for sampler in (*samplers, llama_cpp.llama_sampler_init_dist(1)):
        llama_cpp.llama_sampler_chain_add(chain, sampler)
    return chain


def chains(vocab):
    k, p = cases.TOP_K, cases.TOP_P
    init = llama_cpp.llama_sampler_init_penalties
    leading = [vocab] if len(init.argtypes) == 5 else []  # since 2026
    penalties = init(*leading, sum(cases.history_counts()), cases.REPETITION, cases.FREQUENCY, cases.PRESENCE)
    for token, count in zip(cases.history_ids(vocab), cases.history_counts()):
        for _ in range(count):
            llama_cpp.llama_sampler_accept(penalties, token)
    top_k, top_p = llama_cpp.llama_sampler_init_top_k, llama_cpp.llama_sampler_init_top_p
    return [("neutral", False, chain_of()),
            ("top-p 0.9", False, chain_of(top_p(p, 1))),
            ("top-p 0.9, peaked rows", True, chain_of(top_p(p, 1))),
            ("top-k 50 + top-p 0.9", False, chain_of(top_k(k), top_p(p, 1))),
            ("all filters", False, chain_of(penalties, llama_cpp.llama_sampler_init_temp(cases.TEMPERATURE), top_k(k),
                                            llama_cpp.llama_sampler_init_min_p(cases.MIN_P, 1), top_p(p, 1)))]


def main():
    rows, vocab, runs = cases.arguments()
    logits = numpy.random.default_rng(1).standard_normal((rows, vocab), dtype=numpy.float32)
    flat, peaked = Candidates(logits), Candidates(logits * numpy.float32(cases.PEAKED))
    peer = "llama.cpp " + llama_cpp.__version__
    for what, is_peaked, chain in chains(vocab):
        candidates = peaked if is_peaked else flat

        def build_and_draw():
            for row in range(rows):
                candidates.build(row)
                candidates.draw(chain, row)

        def draw():
            for row in range(rows):
                candidates.draw(chain, row)

        cases.report(peer + ", its candidates built", what, runs, build_and_draw)
        cases.report(peer + ", its chain alone", what, runs, draw, candidates.build_all)


if __name__ == "__main__":
    main()
