#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""numpy batches against the oracle, and what results may not depend on."""
import unittest

import fundamentallm
import numpy as np
import oracle
import support


class Sample(support.OracleTest):
    def test_random_batches(self):
        rng = np.random.default_rng(1)
        for vocab in (1, 2, 31, 33, 257, 1000):
            logits = support.random_logits(rng, 24, vocab)
            self.check_batch(fundamentallm, logits, support.random_rows(rng, 24, vocab))

    def test_a_wide_row(self):
        rng = np.random.default_rng(2)
        self.check_batch(fundamentallm, support.random_logits(rng, 3, 70001), support.random_rows(rng, 3, 70001))

    def test_half_precision(self):
        rng = np.random.default_rng(3)
        logits = support.random_logits(rng, 16, 515, np.float16)
        rows = support.random_rows(rng, 16, 515)
        self.check_batch(fundamentallm, logits, rows)

    def test_special_values(self):
        rng = np.random.default_rng(4)
        logits = support.random_logits(rng, 24, 100)
        for row, values in enumerate(([np.nan], [np.inf], [-np.inf], [np.nan, np.inf], [-0.0, 0.0], [3.4e38, -3.4e38], [1e-45])):
            logits[row, rng.choice(100, size=3 * len(values), replace=False)] = values * 3
        logits[7] = -np.inf
        logits[8] = np.nan
        logits[9] = 1.5
        self.check_batch(fundamentallm, logits, support.random_rows(rng, 24, 100))

    def test_rows_apart(self):
        rng = np.random.default_rng(5)
        wide = support.random_logits(rng, 12, 300)
        rows = support.random_rows(rng, 6, 211)
        for view in (wide[:6, :211], wide[::2, 3:214], wide[5:11, 89:]):
            self.assertFalse(view.flags.c_contiguous)
            self.check_batch(fundamentallm, view, rows)

    def test_one_dimension_is_one_row(self):
        logits = support.random_logits(np.random.default_rng(6), 1, 50)
        both = [fundamentallm.sample(given, seed=3, probabilities=True) for given in (logits, logits[0])]
        self.assertEqual(both[0].tokens.tolist(), both[1].tokens.tolist())
        self.assertEqual(both[1].probabilities.shape, (1, 50))

    def test_no_rows(self):
        result = fundamentallm.sample(np.zeros((0, 10), np.float32), temperature=0.5, details=True)
        self.assertEqual(result.tokens.shape, (0,))
        self.assertEqual(result.details.rank.shape, (0,))
        filters = fundamentallm.Filters(0, no_repeat_ngram=2, like=result.tokens)
        result = fundamentallm.sample(np.zeros((0, 10), np.float32), history=fundamentallm.History(1, 1, 10), filters=filters,
                                      sequences=fundamentallm.Sequences(1, 1), advance=True)
        self.assertEqual(result.tokens.shape, (0,))

    def test_logits_are_not_changed(self):
        logits = support.random_logits(np.random.default_rng(7), 4, 64)
        logits[0, 0], before = np.nan, logits.copy()
        before[0, 0] = np.nan
        fundamentallm.sample(logits, bias={1: 5.0}, ban_ids=[2])
        np.testing.assert_array_equal(logits, before)

    def test_read_only_logits_and_parameters(self):
        logits = support.random_logits(np.random.default_rng(8), 4, 64)
        expected = fundamentallm.sample(logits, temperature=0.5, seed=1).tokens
        logits.flags.writeable = False
        temperature = np.broadcast_to(np.float32(0.5), 4).copy()
        temperature.flags.writeable = False
        self.assertEqual(fundamentallm.sample(logits, temperature=temperature, seed=1).tokens.tolist(), expected.tolist())

    def test_a_buffer_that_is_no_array(self):
        logits = support.random_logits(np.random.default_rng(9), 4, 64)
        expected = fundamentallm.sample(logits, seed=1).tokens
        result = fundamentallm.sample(memoryview(logits), seed=1)
        self.assertIsInstance(result.tokens, np.ndarray)
        self.assertEqual(result.tokens.tolist(), expected.tolist())

    def test_another_array_library(self):
        logits = support.random_logits(np.random.default_rng(12), 4, 64, np.float16)
        temperature = np.array([0.5, 0.7, 1, 2], np.float32)
        expected = fundamentallm.sample(logits, seed=range(4), temperature=temperature).tokens
        result = fundamentallm.sample(support.Lent(logits), seed=range(4), temperature=support.Lent(temperature))
        self.assertIsInstance(result.tokens, np.ndarray)
        self.assertEqual(result.tokens.tolist(), expected.tolist())

    def test_uniforms_take_the_place_of_the_seed(self):
        logits = support.random_logits(np.random.default_rng(10), 5, 40)
        uniforms = [0, (1 << 64) - 1, 1 << 63, 12345678901234567890, 1]
        expected = [oracle.sample(l, oracle.Row(uniform=u)).token for l, u in zip(logits, uniforms)]
        self.assertEqual(fundamentallm.sample(logits, uniforms=uniforms).tokens.tolist(), expected)
        self.assertEqual(fundamentallm.sample(logits, uniforms=np.array(uniforms, np.uint64)).tokens.tolist(), expected)

    def test_random_streams(self):
        logits = support.random_logits(np.random.default_rng(11), 8, 4000)
        seen = set()
        for stream in fundamentallm.RandomStream:
            tokens = fundamentallm.sample(logits, temperature=50, seed=9, random_stream=stream).tokens.tolist()
            row = oracle.Row(temperature=50, seed=9, stream=int(stream))
            self.assertEqual(tokens, [oracle.sample(l, row).token for l in logits])
            seen.add(tuple(tokens))
        self.assertEqual(len(seen), 5)


class Invariance(unittest.TestCase):
    def setUp(self):
        rng = np.random.default_rng(20)
        self.logits = support.random_logits(rng, 33, 3000)
        self.parameters = {"seed": [int(s) for s in rng.integers(1 << 60, size=33)], "position": 5, "top_p": 0.9, "temperature": 1.3}

    def tokens(self, sampler=fundamentallm, rows=slice(None)):
        parameters = {**self.parameters, "seed": self.parameters["seed"][rows]}
        return sampler.sample(self.logits[rows], **parameters).tokens.tolist()

    def test_threads(self):
        expected = self.tokens()
        for threads in (1, 2, 3, 7):
            self.assertEqual(self.tokens(fundamentallm.Sampler("cpu", threads=threads)), expected)

    def test_batch(self):
        expected = self.tokens()
        for rows in (slice(0, 1), slice(4, 9), slice(None, None, 2), slice(None, None, -1)):
            if rows.step == -1:  # rows in reverse order have a negative stride: another array
                self.logits = np.ascontiguousarray(self.logits[::-1])
                self.parameters["seed"] = self.parameters["seed"][::-1]
                self.assertEqual(self.tokens(), expected[::-1])
            else:
                self.assertEqual(self.tokens(rows=rows), expected[rows])

    def test_repetition(self):
        self.assertEqual(self.tokens(), self.tokens())

    def test_position_and_sample_index_matter(self):
        flat = np.zeros((64, 4096), np.float32)
        by_position = fundamentallm.sample(flat, seed=1, position=range(64)).tokens
        by_index = fundamentallm.sample(flat, seed=1, sample_index=range(64)).tokens
        alike = fundamentallm.sample(flat, seed=1).tokens
        self.assertEqual(len(set(alike.tolist())), 1)
        for tokens in (by_position, by_index):
            # Of 64 uniform draws from 4096 ids 63.5 differ on average; the seed is fixed.
            self.assertGreater(len(set(tokens.tolist())), 55)
        self.assertNotEqual(by_position.tolist(), by_index.tolist())


if __name__ == "__main__":
    unittest.main(verbosity=2)
