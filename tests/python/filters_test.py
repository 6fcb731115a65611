#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Filters and Sequences: the page's examples, generation steps that advance them, what is refused. Random mixtures of all filters
are in every random batch of the other tests."""
import dataclasses
import unittest

import fundamentallm
import numpy as np
import oracle
import support

RowStatus = fundamentallm.RowStatus
# With this temperature the scale of the masses is 1 and they are powers of two: nothing is rounded.
EXACT = float(oracle.LOG2E)


def probabilities_of(logits, sequence=(), mu=np.nan, **filters):
    """What is drawn from, of one row."""
    logits = np.array([logits], np.float32)
    sequences = fundamentallm.Sequences(1, 8)
    sequences.put([sequence])
    sequences.mirostat_mu[0] = mu
    prepared = fundamentallm.Filters(1, like=logits, **filters)
    return fundamentallm.sample(logits, temperature=EXACT, probabilities=True, filters=prepared, sequences=sequences).probabilities[0]


def kept(*arguments, **filters):
    return np.flatnonzero(probabilities_of(*arguments, **filters)).tolist()


class Examples(unittest.TestCase):
    """Of docs/sampling.md, Further filters."""

    HISTORY = [7, 8, 9, 5, 7, 8]
    ROW = [-1, -2, -3, -3]  # probabilities .5 .25 .125 .125

    def test_no_repeat_ngram(self):
        self.assertEqual(kept(np.zeros(12), self.HISTORY, no_repeat_ngram=3), [i for i in range(12) if i != 9])
        self.assertEqual(kept(np.zeros(12), self.HISTORY, no_repeat_ngram=1), [i for i in range(12) if i not in (5, 7, 8, 9)])
        self.assertEqual(kept(np.zeros(12), self.HISTORY, no_repeat_ngram=3, history_begin=1), list(range(12)))

    def test_dry(self):
        dry = {"dry_multiplier": 0.5, "dry_base": 2, "dry_allowed_length": 1}
        for breakers, penalty in (([], 1), ([8], 0)):
            probabilities = probabilities_of(np.zeros(12), self.HISTORY, dry_breakers=breakers, **dry)
            self.assertEqual(probabilities[9] / probabilities[0], 2.0**-penalty)

    def test_bad_words(self):
        self.assertEqual(kept(np.zeros(4), [2, 1], bad_words=[[1, 3], [2, 0], [], [2]]), [0, 1])
        self.assertEqual(kept(np.zeros(4), bad_words=[[[1], [3]]]), [0, 2])

    def test_typical_p(self):
        self.assertEqual(kept(self.ROW, typical_p=0.2), [1])
        self.assertEqual(kept(self.ROW, typical_p=0.3), [0, 1])

    def test_xtc(self):
        self.assertEqual(kept(self.ROW, xtc_probability=1, xtc_threshold=0.2), [1, 2, 3])
        self.assertEqual(kept(self.ROW, xtc_probability=1, xtc_threshold=0.125), [3])
        self.assertEqual(kept(self.ROW, xtc_probability=0, xtc_threshold=0.2), [0, 1, 2, 3])

    def test_mirostat(self):
        self.assertEqual(kept(self.ROW, mu=2, mirostat_tau=1), [0, 1])
        self.assertEqual(kept(self.ROW, mu=0.5, mirostat_tau=1), [0])
        self.assertEqual(kept(self.ROW, mirostat_tau=1), [0, 1])  # a new sequence's is twice tau

    def test_top_n_sigma(self):
        # Two at distance 0 and two at 4: the deviation is 2, and 4 are 2 of it.
        self.assertEqual(kept([4, 0, 4, 0], top_n_sigma=2), [0, 1, 2, 3])
        self.assertEqual(kept([4, 0, 4, 0], top_n_sigma=1.99), [0, 2])


class Forms(unittest.TestCase):
    def setUp(self):
        self.logits = support.random_logits(np.random.default_rng(80), 3, 40)
        self.sequences = fundamentallm.Sequences(3, 8)
        self.sequences.put([[1, 2, 1], [3, 3], []])

    def probabilities(self, **options):
        return fundamentallm.sample(self.logits, probabilities=True, sequences=self.sequences, **options).probabilities.tolist()

    def filters(self, **options):
        return fundamentallm.Filters(3, like=self.logits, **options)

    def test_for_all_rows_or_for_each(self):
        one = {"typical_p": 0.8, "no_repeat_ngram": 2, "dry_multiplier": 1, "dry_allowed_length": 1, "dry_breakers": [3],
               "bad_words": [[1, 2], [5]]}
        expected = self.probabilities(filters=self.filters(**one))
        each = {name: [value] * 3 for name, value in one.items()}
        self.assertEqual(self.probabilities(filters=self.filters(**each)), expected)
        self.assertEqual(self.probabilities(filters=self.filters(**{**each, "typical_p": np.full(3, 0.8, np.float32)})), expected)
        self.assertNotEqual(self.probabilities(filters=self.filters()), expected)

    def test_equal_lists_are_kept_once(self):
        arrays = self.filters(bad_words=[[1, 2], [5]], dry_breakers=[[7, 8], [7], [7, 8]]).arrays
        self.assertEqual((arrays["word_ids"].tolist(), arrays["word_offsets"].tolist()), ([1, 2, 5], [0, 2, 3]))
        self.assertEqual(arrays["breaker_ids"].tolist(), [7, 8, 7])

    def test_neutral(self):
        plain = fundamentallm.sample(self.logits, probabilities=True).probabilities.tolist()
        self.assertEqual(self.probabilities(filters=self.filters()), plain)
        self.assertEqual(self.probabilities(filters=self.filters(bad_words=[[], [], []], dry_breakers=[[]] * 3)), plain)

    def test_arrays_of_the_library(self):
        made = self.filters(typical_p=0.5, bad_words=[[1, 4]], dry_breakers=[2])
        again = fundamentallm.Filters.from_arrays(**{name: array for name, array in made.arrays.items() if name != "breaker_ids"},
                                                  breaker_ids=made.arrays["breaker_ids"])
        self.assertEqual(self.probabilities(filters=again), self.probabilities(filters=made))
        words = made.arrays["filters"].view(np.float32).copy()
        words[:, 11:] = np.nan  # from top_n_sigma on: as their defaults
        neutral = self.filters(bad_words=[[1, 4]])
        self.assertEqual(self.probabilities(filters=fundamentallm.Filters.from_arrays(words.view(np.int32), **{
            name: made.arrays[name] for name in ("word_offsets", "word_ids")})), self.probabilities(filters=neutral))

    def test_slots(self):
        self.logits[:] = 0
        probabilities = np.array(self.probabilities(filters=self.filters(no_repeat_ngram=1, sequence_slot=[1, -1, 0])))
        self.assertEqual([np.flatnonzero(row == 0).tolist() for row in probabilities], [[3], [], [1, 2]])


class Steps(unittest.TestCase):
    def test_steps_follow_the_oracle(self):
        rng = np.random.default_rng(81)
        vocab, count = 12, 4
        rows = [dataclasses.replace(row, sequence=[int(i) for i in rng.integers(vocab, size=3)], mirostat_mu=np.float32(np.nan),
                                    mirostat_tau=1.5, mirostat_eta=0.5, seed=6, sample_index=i, position=3, counts={}, temperature=0.9)
                for i, row in enumerate(support.random_rows(rng, count, vocab))]
        rows[3].sequence = None  # no slot
        like = np.zeros((count, vocab), np.float32)
        sequences = fundamentallm.Sequences(count + 1, 40)
        sequences.put([row.sequence for row in rows[:3]], slots=[3, 2, 1])
        arguments = support.arguments_of(fundamentallm, rows, vocab, like)
        arguments.update(sequences=sequences, position=np.full(count, 3, np.uint32), generated=np.array([row.generated for row in rows], np.int32))
        for _ in range(20):
            logits = support.random_logits(rng, count, vocab)
            result = fundamentallm.sample(logits, advance=True, **arguments)
            for index, row in enumerate(rows):
                expected = oracle.sample(logits[index], row)
                self.assertEqual((int(result.tokens[index]), int(result.status[index])), (expected.token, expected.status))
                row.position += 1
                row.generated += 1
                row.counts[expected.token] = row.counts.get(expected.token, 0) + 1
                if row.sequence is not None:
                    row.sequence.append(expected.token)
                    row.mirostat_mu = expected.mirostat_mu
            states = sequences.mirostat_mu[[3, 2, 1]]
            np.testing.assert_array_equal(states, np.array([row.mirostat_mu for row in rows[:3]], np.float32))
        self.assertEqual([sequences.ids(slot) for slot in (3, 2, 1)], [row.sequence for row in rows[:3]])
        self.assertTrue(np.isfinite(states).any())
        self.assertEqual((sequences.ids(0), sequences.ids(4)), ([], []))

    def test_without_advance_nothing_is_written(self):
        sequences = fundamentallm.Sequences(1, 4)
        sequences.put([[1]])
        logits = np.zeros((1, 4), np.float32)
        filters = fundamentallm.Filters(1, mirostat_tau=1, like=logits)
        for array in sequences.arrays.values():
            array.flags.writeable = False
        fundamentallm.sample(logits, filters=filters, sequences=sequences)
        self.assertEqual((sequences.ids(0), np.isnan(sequences.mirostat_mu[0])), ([1], True))
        with self.assertRaisesRegex(ValueError, "sequence_tokens: a read-only"):
            fundamentallm.sample(logits, filters=filters, sequences=sequences, advance=True)

    def test_a_full_sequence(self):
        sequences = fundamentallm.Sequences(1, 2)
        sequences.put([[3]])
        logits = np.zeros((1, 4), np.float32)
        options = {"filters": fundamentallm.Filters(1, like=logits), "sequences": sequences, "advance": True}
        self.assertEqual([int(fundamentallm.sample(logits, **options).status[0]) for _ in range(2)], [0, RowStatus.FULL])
        before = sequences.ids(0)
        self.assertEqual((len(before), before[0]), (2, 3))
        sequences.reserve(5)
        self.assertEqual((sequences.capacity, sequences.ids(0)), (5, before))
        self.assertEqual(int(fundamentallm.sample(logits, **options).status[0]), 0)
        self.assertEqual(sequences.ids(0)[:2], before)
        sequences.reserve(1)
        self.assertEqual(sequences.capacity, 5)


class Slots(unittest.TestCase):
    def test_put_and_clear(self):
        sequences = fundamentallm.Sequences(3, 4)
        sequences.put([[1, 2], []])
        sequences.mirostat_mu[:] = 5
        sequences.put([(np.int32(7), 8, 9, 6)], slots=[2])
        self.assertEqual([sequences.ids(slot) for slot in range(3)], [[1, 2], [], [7, 8, 9, 6]])
        self.assertEqual(np.isnan(sequences.mirostat_mu).tolist(), [False, False, True])
        sequences.clear([0])
        self.assertEqual([sequences.ids(slot) for slot in (0, 2)], [[], [7, 8, 9, 6]])
        sequences.clear()
        self.assertEqual((sequences.ids(2), np.isnan(sequences.mirostat_mu).all()), ([], True))

    def test_refused(self):
        sequences = fundamentallm.Sequences(2, 3)
        sequences.put([[1], [2]])
        for words, ids, slots in (("ids: -1", [[-1]], None), ("ids: 1.5", [[1.5]], None), ("ids: 4 of a sequence", [[1] * 4], None),
                                  ("slots: 2", [[1]], [2]), ("slots: -1", [[1]], [-1]), ("slots: 1", [[1], [2]], [1, 1]),
                                  ("slots: 1 values", [[1], [2]], [0]), ("slots: 2", [[1]] * 3, None)):
            with self.assertRaisesRegex(ValueError, words):
                sequences.put(ids, slots=slots)
        for slots in ([2], [-1], [0, 0], [0.5]):
            with self.assertRaisesRegex(ValueError, "slot"):
                sequences.clear(slots)
        with self.assertRaisesRegex(ValueError, "slot: 2"):
            sequences.ids(2)
        self.assertEqual([sequences.ids(0), sequences.ids(1)], [[1], [2]])
        for arguments in ((0, 1), (1, 0), (1.5, 1), (1, 1 << 31)):
            with self.assertRaisesRegex(ValueError, "slots|capacity"):
                fundamentallm.Sequences(*arguments)
        with self.assertRaisesRegex(ValueError, "no arrays"):
            fundamentallm.Sequences.from_arrays()


if __name__ == "__main__":
    unittest.main(verbosity=2)
