#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Arrays on CUDA: the CPU's results, on the stream that was asked for, without waiting. Memory is cuda_memory's, so that neither
cupy nor a torch with CUDA is needed; where torch has a device, a captured graph too."""
import unittest

import cuda_memory
import fundamentallm
import numpy as np
import shard_test
import support


def need_cuda():
    try:
        fundamentallm.Sampler("cuda")
    except fundamentallm.UnsupportedError as error:
        raise unittest.SkipTest(f"no CUDA here: {error}") from error


class Cuda(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need_cuda()
        runtime = cuda_memory.find_runtime()
        if runtime is None:
            raise unittest.SkipTest("the extension has the CUDA runtime in itself, where no test can reach its memory")
        cls.cupy, cls.memory = cuda_memory.install(runtime)

    def numpy_result(self, result):
        return fundamentallm.SampleResult(
            result.tokens.get(), result.status.get(), fundamentallm.Details(result.details.words.get()),
            fundamentallm.Top(result.top.words.get()), result.probabilities.get())

    def both(self, logits, rows, **options):
        """The same batch on CUDA and on the CPU."""
        vocab = logits.shape[1]
        on_device = self.cupy.array(logits, logits.dtype)
        options = {"details": True, "top": 3, "probabilities": True, **options}
        arguments = support.arguments_of(fundamentallm, rows, vocab, logits)
        expected = fundamentallm.sample(logits, **arguments, **{**options, "stream": None})
        arguments["history"] = support.history_of(fundamentallm, rows, vocab, on_device)
        arguments["filters"] = support.filters_of(fundamentallm, rows, on_device)
        arguments["sequences"] = support.sequences_of(fundamentallm, rows, on_device)
        arguments["allow_mask"] = self.cupy.array(arguments["allow_mask"], "int32")
        return self.numpy_result(fundamentallm.sample(on_device, **arguments, **options)), expected

    def same(self, found, expected):
        np.testing.assert_array_equal(found.tokens, expected.tokens)
        np.testing.assert_array_equal(found.status, expected.status)
        np.testing.assert_array_equal(found.details.words, expected.details.words)
        np.testing.assert_array_equal(found.top.words, expected.top.words)
        np.testing.assert_array_equal(found.probabilities, expected.probabilities)

    def test_the_cpus_results(self):
        rng = np.random.default_rng(90)
        for dtype, vocab in ((np.float32, 501), (np.float16, 1000)):
            rows = support.random_rows(rng, 6, vocab)
            self.same(*self.both(support.random_logits(rng, 6, vocab, dtype), rows))

    def test_no_framework_orders_anything(self):
        self.memory.streams_asked.clear()
        fundamentallm.sample(self.cupy.array(np.zeros((2, 8), "f4"), "f4"), temperature=0.5)
        self.assertEqual(set(self.memory.streams_asked), {-1})

    def test_another_stream(self):
        rng = np.random.default_rng(91)
        stream = self.memory.make_stream()
        self.same(*self.both(support.random_logits(rng, 3, 64), support.random_rows(rng, 3, 64), stream=stream))

    def test_rows_apart_outputs_and_workspace(self):
        logits = support.random_logits(np.random.default_rng(92), 4, 300)
        expected = fundamentallm.sample(np.ascontiguousarray(logits[:, :211]), seed=range(4)).tokens
        view = self.cupy.array(logits, "f4").columns(211)
        sampler = fundamentallm.Sampler("cuda")
        tokens, workspace = self.cupy.full(4, -1, "int32"), self.cupy.empty((sampler.workspace_bytes(view),), "uint8")
        result = sampler.sample(view, seed=range(4), out=tokens, workspace=workspace)
        self.assertIs(result.tokens, tokens)
        self.assertEqual(tokens.get().tolist(), expected.tolist())

    def test_a_captured_call_draws_new_tokens_at_each_replay(self):
        logits = support.random_logits(np.random.default_rng(93), 4, 5000)
        on_device, seeds = self.cupy.array(logits, "f4"), self.cupy.array(np.arange(4), "uint64")
        position, stream = self.cupy.full(4, 0, "uint32"), self.memory.make_stream()
        sampler = fundamentallm.Sampler("cuda")
        out = fundamentallm.SampleResult(self.cupy.full(4, -1, "int32"), self.cupy.full(4, 9, "uint32"))
        workspace, steps = self.cupy.empty((sampler.workspace_bytes(on_device),), "uint8"), []
        with self.memory.capture(stream, [lambda: steps.append(out.tokens.get().tolist())] * 5):
            sampler.sample(on_device, seed=seeds, position=position, advance=True, out=out, workspace=workspace, stream=stream)
        expected = [fundamentallm.sample(logits, seed=range(4), position=step).tokens.tolist() for step in range(5)]
        self.assertEqual(steps, expected)
        self.assertEqual((out.status.get().tolist(), position.get().tolist()), ([0] * 4, [5] * 4))

    def test_advancing(self):
        logits = np.zeros((2, 8), "f4")
        on_device, steps = self.cupy.array(logits, "f4"), []
        history, position = fundamentallm.History(2, 8, 8, like=on_device), self.cupy.full(2, 0, "uint32")
        for _ in range(8):
            steps.append(fundamentallm.sample(on_device, seed=[1, 2], position=position, history=history, presence_penalty=2.0,
                                              temperature=0.01, advance=True).tokens.get())
        self.assertEqual(position.get().tolist(), [8, 8])
        self.assertEqual(np.sort(np.stack(steps), axis=0).T.tolist(), [list(range(8))] * 2)  # each id once

    def add_up(self, shards):
        total = sum(shard.words.get() for shard in shards)
        for shard in shards:
            self.memory.copy(shard.words.pointer, total.ctypes.data, total.nbytes, cuda_memory.HOST_TO_DEVICE)

    def test_a_vocabulary_spread_over_ranks(self):
        logits = support.random_logits(np.random.default_rng(94), 4, 1000)
        parts = [self.cupy.array(logits[:, first:end], "f4") for first, end in shard_test.slices(1000, 4)]
        shards = shard_test.shards_of(1000, 4, 4, parts[0])
        sample_shard = fundamentallm.Sampler("cuda").sample_shard
        for exchanges, parameters in ((1, {"top_k": [1, 5, 50, 128], "top_p": 0.9}), (6, {"top_p": [0.2, 0.5, 0.9, 0.99]}),
                                      (10, {"top_k": [0, 300, 600, 900], "top_p": 0.9})):
            expected = fundamentallm.sample(logits, seed=range(4), **parameters)
            for step in range(exchanges + 1):
                if step > 0:
                    self.add_up(shards)
                results = [sample_shard(part, shard, step=step, last=step == exchanges, seed=range(4), **parameters)
                           for part, shard in zip(parts, shards)]
            for result in results:
                self.assertEqual(result.tokens.get().tolist(), expected.tokens.tolist())
                self.assertEqual(result.status.get().tolist(), expected.status.tolist())

    def test_arrays_of_the_other_device(self):
        on_device = self.cupy.array(np.zeros((2, 8), "f4"), "f4")
        with self.assertRaisesRegex(ValueError, "temperature"):
            fundamentallm.sample(on_device, temperature=np.ones(2, "f4"))
        with self.assertRaisesRegex(ValueError, "logits"):
            fundamentallm.Sampler("cpu").sample(on_device, out=self.cupy.full(2, 0, "int32"))
        history = fundamentallm.History(2, 8, 8, like=on_device)
        with self.assertRaisesRegex(ValueError, "ids"):
            history.append(np.zeros(2, np.int32))


class TorchCuda(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need_cuda()
        cls.torch = support.require("torch")
        if not cls.torch.cuda.is_available():
            raise unittest.SkipTest("torch has no CUDA device here")

    def test_a_captured_graph_draws_new_tokens_at_each_replay(self):
        torch = self.torch
        logits = torch.randn(4, 5000, device="cuda")
        position = torch.zeros(4, dtype=torch.int32, device="cuda")
        out = fundamentallm.sample(logits, position=torch.zeros_like(position), seed=range(4))
        seeds = torch.arange(4, device="cuda")
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            fundamentallm.sample(logits, seed=seeds, position=position, advance=True, out=out)
        for step in range(5):
            graph.replay()
            expected = fundamentallm.sample(logits.cpu(), seed=range(4), position=step).tokens
            self.assertEqual(out.tokens.tolist(), expected.tolist())


if __name__ == "__main__":
    unittest.main(verbosity=2)
