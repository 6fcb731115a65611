#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Vocabularies spread over ranks, all of them in this process: the tokens of `sample`, whatever the slices are."""
import threading
import unittest

import fundamentallm
import numpy as np
import support

UNDECIDED = fundamentallm.RowStatus.UNDECIDED


def slices(vocab, ranks):
    """[(first id, end)]: first ids are multiples of 32."""
    bounds = [(vocab + 31) // 32 * rank // ranks * 32 for rank in range(ranks)] + [vocab]
    return list(zip(bounds, bounds[1:]))


def shards_of(vocab, ranks, rows, like, **options):
    return [fundamentallm.Shard(rank, ranks, vocab, first, rows, like=like, **options) for rank, (first, _) in enumerate(slices(vocab, ranks))]


def add_up(shards):
    total = sum(shard.words for shard in shards)
    for shard in shards:
        shard.words[:] = total


def step_by_step(logits, ranks, exchanges, list_size=None, **parameters):
    """The result of every rank."""
    vocab = logits.shape[1]
    shards = shards_of(vocab, ranks, len(logits), logits, list_size=list_size)
    sample_shard = fundamentallm.Sampler().sample_shard
    for step in range(exchanges + 1):
        if step > 0:
            add_up(shards)
        results = [sample_shard(logits[:, first:end], shard, step=step, last=step == exchanges, **parameters)
                   for shard, (first, end) in zip(shards, slices(vocab, ranks))]
    return results


class Group:
    """Ranks as threads; all_reduce waits for all of them, as that of a network does."""

    def __init__(self, ranks):
        self.barrier = threading.Barrier(ranks)
        self.parts, self.calls = [None] * ranks, 0

    def all_reduce_of(self, rank):
        def all_reduce(words):
            self.parts[rank] = words + 0  # another array
            self.barrier.wait()
            total = sum(self.parts)
            self.barrier.wait()
            words[:] = total
            self.calls += rank == 0
        return all_reduce

    def draw(self, logits, shards, parameters):
        """The result of every rank's call. parameters: of each rank."""
        bounds = slices(logits.shape[1], len(shards))
        return self.run(lambda rank: fundamentallm.sample_sharded(logits[:, slice(*bounds[rank])], shards[rank], self.all_reduce_of(rank),
                                                                  **parameters[rank]))

    def run(self, work):
        """work(rank) of every rank; what they return."""
        results = [None] * len(self.parts)

        def run_one(rank):
            try:
                results[rank] = work(rank)
            except BaseException as error:
                results[rank] = error
                self.barrier.abort()

        threads = [threading.Thread(target=run_one, args=(rank,)) for rank in range(len(results))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results


def arguments_of(rows, vocab, like, **options):
    arguments = support.arguments_of(fundamentallm, rows, vocab, like, **options)
    del arguments["filters"], arguments["sequences"]
    return arguments


class Tokens(unittest.TestCase):
    def same(self, results, expected):
        for result in results:
            self.assertEqual(result.tokens.tolist(), expected.tokens.tolist())
            self.assertEqual(result.status.tolist(), expected.status.tolist())

    def test_random_batches_step_by_step(self):
        rng = np.random.default_rng(90)
        for vocab in (33, 257, 1000):
            for ranks in (2, 4) if vocab >= 128 else (2,):
                for list_size in (None, 0, 3):
                    logits = support.random_logits(rng, 16, vocab)
                    logits[0, rng.integers(vocab)] = np.inf
                    logits[1] = -np.inf
                    logits[2:5, rng.integers(vocab, size=3)] = np.nan
                    arguments = arguments_of(support.random_rows(rng, 16, vocab), vocab, logits)
                    with self.subTest(vocab=vocab, ranks=ranks, list_size=list_size):
                        self.same(step_by_step(logits, ranks, 10, list_size, **arguments), fundamentallm.sample(logits, **arguments))

    def test_half_precision(self):
        rng = np.random.default_rng(91)
        logits = support.random_logits(rng, 8, 515, np.float16)
        arguments = arguments_of(support.random_rows(rng, 8, 515), 515, logits)
        self.same(step_by_step(logits, 4, 10, **arguments), fundamentallm.sample(logits, **arguments))

    def test_one_call_per_rank(self):
        """With as many exchanges as the parameters need, which every rank finds by itself."""
        rng = np.random.default_rng(92)
        logits = support.random_logits(rng, 8, 400)
        for exchanges, parameters in ((1, {"temperature": 0}), (1, {"top_k": [1, 5, 7] + [128] * 5, "top_p": 0.5}), (3, {"min_p": 0.1}),
                                      (3, {"top_k": 400}), (6, {"top_p": 0.9}), (6, {"top_k": 300}), (10, {"top_k": 300, "top_p": 0.9}),
                                      (10, {"top_p": np.full(8, 0.9, np.float32)})):
            group, shards = Group(4), shards_of(400, 4, 8, logits)
            expected = fundamentallm.sample(logits, seed=range(8), **parameters)
            results = group.draw(logits, shards, [{"seed": range(8), **parameters}] * 4)
            with self.subTest(**parameters):
                self.same(results, expected)
                self.assertEqual(group.calls, exchanges)

    def test_too_few_exchanges(self):
        logits = support.random_logits(np.random.default_rng(93), 4, 300)
        parameters = {"temperature": [0, 1, 1, 1], "top_k": [0, 5, 200, 0]}
        for exchanges, undecided in ((1, [False, False, True, True]), (3, [False, False, True, False]), (6, [False] * 4)):
            for result in step_by_step(logits, 2, exchanges, 10, **parameters):
                self.assertEqual([int(s) == UNDECIDED for s in result.status], undecided)
                self.assertEqual([int(result.tokens[i]) for i in range(4) if undecided[i]],
                                 [int(logits[i].argmax()) for i in range(4) if undecided[i]])

    def test_advance(self):
        rng = np.random.default_rng(94)
        vocab, ranks = 128, 2
        histories = [fundamentallm.History(2, vocab, vocab) for _ in range(ranks + 1)]
        positions = [np.array([4, 9], np.uint32) for _ in range(ranks + 1)]
        group = Group(ranks)
        shards = shards_of(vocab, ranks, 2, positions[0])
        shared = {"presence_penalty": 1.0, "temperature": 0.5, "advance": True, "seed": [1, 2]}
        options = [{"history": history, "position": position, **shared} for history, position in zip(histories, positions)]
        for _ in range(5):
            logits = support.random_logits(rng, 2, vocab)
            expected = fundamentallm.sample(logits, **options[ranks])
            self.same(group.draw(logits, shards, options[:ranks]), expected)
        self.assertEqual([array.tolist() for array in positions], [[9, 14]] * 3)
        self.assertEqual([history.counts(1) for history in histories], [histories[0].counts(1)] * 3)
        self.assertEqual(sum(histories[0].counts(1).values()), 5)

    def test_torch(self):
        torch = support.require("torch")
        logits = torch.from_numpy(support.random_logits(np.random.default_rng(95), 3, 200))
        expected = fundamentallm.sample(logits, seed=[1, 2, 3], top_p=0.9)
        group, shards = Group(2), shards_of(200, 2, 3, logits)
        self.assertEqual(shards[0].words.dtype, torch.int64)
        self.same(group.draw(logits, shards, [{"seed": [1, 2, 3], "top_p": 0.9}] * 2), expected)

    def test_one_rank(self):
        logits = support.random_logits(np.random.default_rng(96), 3, 70)
        result = fundamentallm.sample_sharded(logits, fundamentallm.Shard(0, 1, 70, 0, 3, like=logits), lambda words: None, seed=4)
        self.same([result], fundamentallm.sample(logits, seed=4))


class Refused(unittest.TestCase):
    def setUp(self):
        self.logits = np.zeros((2, 64), np.float32)
        self.shard = fundamentallm.Shard(0, 2, 128, 0, 2, like=self.logits)

    def test_shards(self):
        for words, arguments in (("ranks: 65", (0, 65, 64, 0, 2)), ("ranks: 0", (0, 0, 64, 0, 2)), ("rank: 2", (2, 2, 64, 0, 2)),
                                 ("rank: -1", (-1, 2, 64, 0, 2)), ("rank: 0.5", (0.5, 2, 64, 0, 2)), ("vocab: 0", (0, 1, 0, 0, 2)),
                                 ("first_id: 33", (0, 2, 64, 33, 2)), ("first_id: 64", (0, 2, 64, 64, 2)), ("rows: -1", (0, 2, 64, 0, -1))):
            with self.assertRaisesRegex(ValueError, words):
                fundamentallm.Shard(*arguments, like=self.logits)
        for ranks, size in ((1, 257), (4, 129), (2, -1)):
            with self.assertRaisesRegex(ValueError, f"list_size: {size}"):
                fundamentallm.Shard(0, ranks, 64, 0, 2, list_size=size, like=self.logits)
        self.assertEqual([fundamentallm.Shard(0, ranks, 64, 0, 2, like=self.logits).list_size for ranks in (1, 2, 3, 64)], [256, 256, 170, 8])

    def test_steps(self):
        sampler = fundamentallm.Sampler()
        for kind, words, options in ((ValueError, "step: -1", {"step": -1}), (ValueError, "step: 0", {"step": 0, "last": True}),
                                     (ValueError, "temperature: -1", {"step": 0, "temperature": -1}),
                                     (ValueError, "random_stream: 7", {"step": 0, "random_stream": 7}),
                                     (TypeError, "details", {"step": 0, "details": True}), (TypeError, "filters", {"step": 0, "filters": None}),
                                     (TypeError, "temprature", {"step": 0, "temprature": 1})):
            with self.assertRaisesRegex(kind, words):
                sampler.sample_shard(self.logits, self.shard, **options)
        for kind, words, logits, shard in ((TypeError, "shard: int", self.logits, 3), (ValueError, "logits", self.logits.T, self.shard),
                                           (ValueError, "words", np.zeros((3, 64), np.float32), self.shard),
                                           (ValueError, "first_id", np.zeros((2, 160), np.float32), self.shard)):
            with self.assertRaisesRegex(kind, words):
                sampler.sample_shard(logits, shard, step=0)
        with self.assertRaisesRegex(ValueError, "mask_words"):
            sampler.sample_shard(self.logits, self.shard, step=0, allow_mask=np.ones(2, np.int32))
        for exchanges in (0, 11, 1.5):
            with self.assertRaisesRegex(ValueError, "exchanges"):
                fundamentallm.sample_sharded(self.logits, self.shard, print, exchanges=exchanges)
        with self.assertRaisesRegex(TypeError, "shard: int"):
            fundamentallm.sample_sharded(self.logits, 3, print)

    def test_all_reduce_may_fail(self):
        def fails(words):
            raise OSError("no network")

        tokens = np.full(2, -7, np.int32)
        with self.assertRaisesRegex(OSError, "no network"):
            fundamentallm.sample_sharded(self.logits, self.shard, fails, out=tokens)
        self.assertEqual(tokens.tolist(), [-7, -7])


if __name__ == "__main__":
    unittest.main(verbosity=2)
