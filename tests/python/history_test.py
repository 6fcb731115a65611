#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Histories: what they count, and generation steps that advance them."""
import unittest

import fundamentallm
import numpy as np
import oracle
import support


class Histories(unittest.TestCase):
    def test_counts(self):
        history = fundamentallm.History(3, 10, 100)
        history.append([[5, 7, 5], [], [1]], output=False)
        history.append([[7, 8], [9, 9, 9]], slots=[0, 2])
        self.assertEqual(history.counts(0), {5: 0, 7: 1, 8: 1})
        self.assertEqual(history.counts(1), {})
        self.assertEqual(history.counts(2), {1: 0, 9: 3})
        history.append(np.array([8, -1, 100], np.int32))
        self.assertEqual(history.counts(0), {5: 0, 7: 1, 8: 2})
        history.append(np.array([[2, -1, 3], [4, 4, -1]], np.int32), slots=np.array([1, 0], np.int32))
        self.assertEqual(history.counts(1), {2: 1, 3: 1})
        self.assertEqual(history.counts(0), {5: 0, 7: 1, 8: 2, 4: 2})
        history.clear([0])
        self.assertEqual((history.counts(0), history.counts(2)), ({}, {1: 0, 9: 3}))
        history.clear()
        self.assertEqual(history.counts(2), {})

    def test_a_full_history(self):
        history = fundamentallm.History(2, 2, 100)
        status = history.append([[1, 2, 3, 1], [4]])
        self.assertEqual(status.tolist(), [int(fundamentallm.RowStatus.FULL), 0])
        self.assertEqual(history.counts(0), {1: 2, 2: 1})

    def test_nothing_to_append(self):
        history = fundamentallm.History(2, 2, 100)
        for ids in ([[], []], [], np.zeros((2, 0), np.int32)):
            history.append(ids)
        self.assertEqual(history.counts(0), {})

    def test_steps_follow_the_oracle(self):
        rng = np.random.default_rng(40)
        vocab, rows = 12, 4
        prompts = [[int(i) for i in rng.integers(vocab, size=3)] for _ in range(rows)]
        slots = [3, 0, 5, -1]
        history = fundamentallm.History(6, vocab, vocab)
        history.append(prompts[:3], slots=slots[:3], output=False)
        counts = [dict.fromkeys(prompt, 0) for prompt in prompts[:3]] + [{}]
        position = np.full(rows, 3, np.uint32)
        for step in range(20):
            logits = support.random_logits(rng, rows, vocab)
            tokens = fundamentallm.sample(logits, seed=6, sample_index=range(rows), position=position, history=history, history_slot=slots,
                                          repetition_penalty=1.2, frequency_penalty=0.3, presence_penalty=0.1, advance=True).tokens
            for row in range(rows):
                expected = oracle.sample(logits[row], oracle.Row(
                    seed=6, sample_index=row, position=3 + step, repetition_penalty=1.2, frequency_penalty=0.3, presence_penalty=0.1,
                    counts=counts[row])).token
                self.assertEqual(int(tokens[row]), expected)
                if row < 3:
                    counts[row][expected] = counts[row].get(expected, 0) + 1
        self.assertEqual([history.counts(slot) for slot in slots[:3]], counts[:3])

    def test_refused(self):
        for arguments in ((0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, (1 << 20) + 1), (1.5, 1, 1), (1, 1 << 31, 1)):
            with self.assertRaisesRegex(ValueError, "slots|capacity|vocab"):
                fundamentallm.History(*arguments)
        history = fundamentallm.History(2, 4, 100)
        for words, ids, options in (("ids", np.zeros(2, np.int64), {}), ("ids", np.zeros((1, 1, 1), np.int32), {}), ("ids", [[1 << 31]], {}),
                                    ("ids", [["x"]], {}), ("ids", [1, 2], {}), ("slots: 1", [[1], [2]], {"slots": [1, 1]}), ("slots", [[1], [2]], {"slots": [0]}),
                                    ("slots", [[1]], {"slots": np.zeros(2, np.int32)})):
            with self.assertRaisesRegex(ValueError, words):
                history.append(ids, **options)
        logits = np.zeros((3, 100), np.float32)
        with self.assertRaisesRegex(ValueError, "history"):
            fundamentallm.sample(logits, history=history)
        with self.assertRaisesRegex(ValueError, "history_slot: 1"):
            fundamentallm.sample(logits, history=history, history_slot=[1, 0, 1])
        with self.assertRaisesRegex(ValueError, "history"):
            fundamentallm.sample(logits, history_slot=[0, 1, -1])
        self.assertEqual(history.counts(0), {})


if __name__ == "__main__":
    unittest.main(verbosity=2)
