#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times PyTorch and FlashInfer on the work of apps/bench/cuda_sampler_work.cpp: cuda_sampler.py RUNS MOST_SLOTS ROWSxVOCAB...

Prints a JSON line for each measurement, as fundamentallm-bench-cuda does and with its cold and warm rows, or one with
"skipped" and the reason. Calls are captured into a graph and replayed; where one cannot be captured they are enqueued one by
one ("how").
"""
import itertools
import json
import sys

import torch

import torch_steps as steps

WARM_LAUNCHES = 20
HISTORY, BIASES, TOP = 500, 16, 20
CASES = ("greedy", "temperature", "top-k 50 + top-p 0.9", "all features", "flat rows, top-p 0.9")


class Rows:
    """What one launch works on, several times over: logits [slots, rows, vocab] and the tables of its features."""

    def __init__(self, device, slots, rows, vocab, dtype, spread):
        torch.manual_seed(1)
        self.logits = torch.empty(slots, rows, vocab, dtype=dtype, device=device)
        for slot in self.logits:
            slot.normal_(0, spread)
        history, biases = min(HISTORY, vocab), min(BIASES, vocab)
        self.ids = (torch.arange(history, device=device) * (vocab // history)).expand(rows, -1)
        self.counts = (1 + torch.arange(history, device=device) % 3).float().expand(rows, -1)
        self.bias_ids = torch.arange(biases, device=device).expand(rows, -1)
        self.bias = torch.full((rows, biases), 0.5, device=device)
        self.forbidden = torch.rand(rows, vocab, device=device) < 1 / 8

    def edited(self, slot):
        logits = self.logits[slot].float().scatter_add(1, self.bias_ids, self.bias)
        logits = steps.penalised(logits, self.ids, self.counts, 1.1, 0.2, 0.1)
        return logits.masked_fill(self.forbidden, steps.NONE)

    def with_details(self, slot, tokens):
        """Raw log-probability of the tokens, and of the most likely ones."""
        logprobs = torch.log_softmax(self.logits[slot].float(), dim=-1)
        return tokens, logprobs.gather(1, tokens.long().view(-1, 1)), torch.topk(logprobs, min(TOP, logprobs.shape[1]))


def torch_calls(rows):
    """What each case does with a slot."""
    return {
        "greedy": lambda slot: torch.argmax(rows.logits[slot], dim=-1),
        "temperature": lambda slot: steps.draw(rows.logits[slot].float() / 0.8),
        "top-k 50 + top-p 0.9": lambda slot: steps.draw_top_k_top_p(rows.logits[slot].float() / 0.8, 50, 0.9),
        "all features": lambda slot: rows.with_details(
            slot, steps.draw_top_k_top_p(steps.with_min_p(rows.edited(slot) / 0.8, 0.02), 50, 0.9)),
        "flat rows, top-p 0.9": lambda slot: steps.draw_top_p(rows.logits[slot].float(), 0.9)}


def flashinfer_calls(sampling, rows):
    """The same; greedy rows have no kernel of its own there. A given seed lets a graph capture the call."""
    random = {"seed": 1, "offset": 0}

    def probabilities(slot):
        return sampling.softmax(rows.logits[slot].float(), temperature=0.8)

    def everything(slot):
        logits = steps.with_min_p(rows.edited(slot) / 0.8, 0.02)
        tokens = sampling.top_k_top_p_sampling_from_probs(sampling.softmax(logits), 50, 0.9, filter_apply_order="joint", **random)
        return rows.with_details(slot, tokens)

    return {
        "temperature": lambda slot: sampling.sampling_from_probs(probabilities(slot), **random),
        "top-k 50 + top-p 0.9": lambda slot: sampling.top_k_top_p_sampling_from_probs(
            probabilities(slot), 50, 0.9, filter_apply_order="joint", **random),
        "all features": everything,
        "flat rows, top-p 0.9": lambda slot: sampling.top_p_sampling_from_probs(
            sampling.softmax(rows.logits[slot].float()), 0.9, **random)}


def captured(call, slots):
    """(how, something that does the calls)."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # compiles and allocates what the first call does
        call(slots[0])
    torch.cuda.synchronize()
    try:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for slot in slots:
                call(slot)
        return "graph", graph.replay
    except RuntimeError:
        torch.cuda.synchronize()
        return "one by one", lambda: [call(slot) for slot in slots]


def measure(runs, call, slots):
    how, work = captured(call, slots)
    work()
    seconds = []
    for _ in range(runs):
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        stop.record()
        stop.synchronize()
        seconds.append(start.elapsed_time(stop) * 1e-3 / len(slots))
    seconds.sort()
    return {"how": how, "launches": len(slots), "seconds": seconds[0], "median_seconds": seconds[runs // 2]}


def import_flashinfer():
    """(module, None) or (None, why not)."""
    try:
        from flashinfer import sampling
        return sampling, None
    except (ImportError, OSError, RuntimeError) as error:
        return None, f"FlashInfer (PyPI: flashinfer-python) cannot be imported: {error}"


def measure_case(runs, most_slots, shape, dtype, what):
    """Yields what is to be printed."""
    rows, vocab = shape
    cache = getattr(torch.cuda.get_device_properties(0), "L2_cache_size", 0) or 128 << 20
    bytes_each = rows * vocab * (4 if dtype == torch.float32 else 2)
    slots = min(max(2, 2 * cache // bytes_each + 1), most_slots or sys.maxsize)
    work = Rows("cuda", slots, rows, vocab, dtype, 0.01 if what.startswith("flat") else 2)
    peers = {"PyTorch " + torch.__version__: torch_calls(work)}
    sampling, _ = import_flashinfer()
    if sampling:
        import flashinfer
        peers["FlashInfer " + flashinfer.__version__] = flashinfer_calls(sampling, work)
    for (peer, calls), cold in itertools.product(peers.items(), (True, False)):
        if what in calls:
            used = list(range(slots)) if cold else [0] * min(WARM_LAUNCHES, most_slots or WARM_LAUNCHES)
            yield {"peer": peer, "cache": "cold" if cold else "warm", **measure(runs, calls[what], used)}


def main():
    runs, most_slots = map(int, sys.argv[1:3])
    if not torch.cuda.is_available():
        print(json.dumps({"skipped": f"PyTorch {torch.__version__} finds no CUDA device"}))
        return
    _, reason = import_flashinfer()
    if reason:
        print(json.dumps({"skipped": reason}), flush=True)
    with torch.no_grad():
        for shape, dtype, what in itertools.product(sys.argv[3:], (torch.float32, torch.bfloat16), CASES):
            rows, vocab = map(int, shape.split("x"))
            line = {"what": what, "rows": rows, "vocab": vocab, "dtype": "fp32" if dtype == torch.float32 else "bf16"}
            try:
                for found in measure_case(runs, most_slots, (rows, vocab), dtype, what):
                    print(json.dumps({**line, **found}), flush=True)
            except RuntimeError as error:  # memory, above all; PyTorch's own class for it is newer than some PyTorch
                print(json.dumps({**line, "skipped": f"PyTorch or FlashInfer: {str(error).splitlines()[0]}"}), flush=True)
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
