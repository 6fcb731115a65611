# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Python package share: random batches, and the comparison with the oracle."""
import dataclasses
import importlib
import pathlib
import unittest

import fundamentallm
import numpy as np
import oracle

MODELS = pathlib.Path(__file__).resolve().parents[2] / "apps" / "models"
# docs/sampling.md, Outputs: how far a log-probability may lie from its exact value; the third term is a processed one's.
LOGPROB_ABSOLUTE, LOGPROB_RELATIVE = 4e-7, 2.4e-7


def require(name):
    """A module, or a skipped test."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise unittest.SkipTest(f"{name} cannot be imported: {error}") from error


class GeneratorTest(unittest.TestCase):
    """The bundled model, where the package was built with the generator."""

    @classmethod
    def setUpClass(cls):
        require("fundamentallm._generator")
        cls.generator = fundamentallm.Generator(MODELS / "shakespeare", device="cpu", threads=1)


class Lent:
    """An array of a library nobody knows: what DLPack asks for and a shape."""

    def __init__(self, array):
        self.array = array
        self.shape = array.shape

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def random_logits(rng, rows, vocab, dtype=np.float32):
    """[rows, vocab]: rows of different spreads, with ties among coarse ones."""
    spread = rng.choice([0.01, 1.0, 4.0, 20.0], size=(rows, 1))
    logits = rng.standard_normal((rows, vocab)) * spread
    coarse = rng.random((rows, 1)) < 0.3
    return np.where(coarse, np.round(logits), logits).astype(dtype)


def random_rows(rng, rows, vocab):
    """Parameters that meet every feature and its neutral value."""
    def pick(*choices):
        return choices[rng.integers(len(choices))]

    def ids(most):
        return [int(i) for i in rng.choice(vocab + 2, size=min(rng.integers(most + 1), vocab), replace=False)]

    def row():
        made = oracle.Row(
            temperature=pick(0.0, 0.3, 0.8, 1.0, 1.7), top_k=int(pick(0, 1, 2, 5, 50, vocab)), top_p=pick(1.0, 0.0, 0.1, 0.5, 0.9, 0.999),
            min_p=pick(0.0, 0.02, 0.2, 1.0), repetition_penalty=pick(1.0, 1.3, 0.8), frequency_penalty=pick(0.0, 0.5, -1.0),
            presence_penalty=pick(0.0, 0.7, -0.2), seed=int(rng.integers(1 << 63)) * 2 + 1, position=int(rng.integers(1 << 32)),
            sample_index=int(rng.integers(8)), fallback_id=int(rng.integers(vocab)), generated=int(rng.integers(3)),
            min_tokens=int(rng.integers(3)), allowed=rng.random(vocab) < pick(1.1, 0.5, 0.02, 0.0), ban_ids=ids(4), end_ids=ids(3),
            bias={i: float(np.float32(rng.normal() * 5)) for i in ids(4)},
            counts={i: int(rng.integers(4)) for i in ids(8)}, **random_filters(rng, vocab))
        if rng.random() < 0.5:  # the further filters see all of the row
            made = dataclasses.replace(made, temperature=pick(0.8, 1.0, 3.0), top_k=0, top_p=1.0, min_p=0.0, bias={},
                                       allowed=np.ones(vocab, bool))
        return made
    return [row() for _ in range(rows)]


def random_filters(rng, vocab):
    """Each of Filters' parameters for one row, or its neutral value."""
    def pick(*choices):
        return choices[rng.integers(len(choices))]

    def maybe(*choices):
        """The first of them most of the time."""
        return choices[0] if rng.random() < 0.6 else pick(*choices[1:])

    alphabet = [int(i) for i in rng.integers(vocab + 1, size=pick(1, 2, 4))]  # few ids: much repeats
    sequence = [pick(*alphabet) for _ in range(rng.integers(31))]

    def word():
        """One that the sequence ends with, as often as not."""
        known = sequence[len(sequence) - int(rng.integers(min(len(sequence), 3) + 1)):]
        return [*known, pick(*alphabet)] if rng.random() < 0.7 else [pick(*alphabet) for _ in range(rng.integers(4))]

    return {
        "sequence": pick(sequence, sequence, None), "history_begin": int(maybe(0, 1, 5, 40)),
        "typical_p": maybe(1.0, 0.0, 0.2, 0.6, 0.95, 2.0), "top_n_sigma": maybe(0.0, 0.3, 1.0, 2.5, 100.0),
        "xtc_probability": maybe(0.0, 0.5, 1.0), "xtc_threshold": pick(0.0, 0.01, 0.1, 0.3, 1.0),
        "mirostat_tau": maybe(0.0, 0.01, 1.0, 3.0, 1e30), "mirostat_eta": pick(0.0, 0.1, 1.0),
        "mirostat_mu": pick(np.nan, -1.0, 0.0, 1.5, 6.0, 50.0), "no_repeat_ngram": int(pick(0, 0, 1, 2, 3, 64)),
        "dry_multiplier": pick(0.0, 0.8, 3.0, 1e38), "dry_base": pick(1.0, 1.75, 2.0, 1e30), "dry_allowed_length": int(pick(1, 1, 2, 3)),
        "dry_range": int(pick(0, 3, 10, 100)), "dry_breakers": alphabet[:int(pick(0, 0, 1))],
        "bad_words": [word() for _ in range(maybe(0, 1, 3))],
    }


VALUES = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty", "seed", "position",
          "sample_index", "fallback_id", "generated", "min_tokens")
FILTERS = ("typical_p", "top_n_sigma", "xtc_probability", "xtc_threshold", "mirostat_tau", "mirostat_eta", "no_repeat_ngram",
           "dry_multiplier", "dry_base", "dry_allowed_length", "dry_range", "dry_breakers", "bad_words", "history_begin")


def history_of(fundamentallm, rows, vocab, like):
    """A History in which each row's slot holds its counts. Ids beyond the vocabulary stay out."""
    history = fundamentallm.History(len(rows), vocab + 2, vocab, like=like)
    history.append([list(row.counts) for row in rows], output=False)
    history.append([[i for i, count in row.counts.items() for _ in range(count)] for row in rows])
    return history


def filters_of(fundamentallm, rows, like):
    """Filters of these rows; row i has slot rows - 1 - i."""
    slots = [len(rows) - 1 - i if row.sequence is not None else -1 for i, row in enumerate(rows)]
    return fundamentallm.Filters(len(rows), sequence_slot=slots, like=like,
                                 **{name: [getattr(row, name) for row in rows] for name in FILTERS})


def sequences_of(fundamentallm, rows, like):
    """The sequences of these rows, in the slots of filters_of."""
    maker = fundamentallm._arrays.maker_for(like)
    lists = [row.sequence or [] for row in reversed(rows)]
    capacity = max(map(len, lists)) + 1
    return fundamentallm.Sequences.from_arrays(
        tokens=maker.array([[*ids, *[-1] * (capacity - len(ids))] for ids in lists], "int32"),
        lengths=maker.array([len(ids) for ids in lists], "int32"),
        mirostat_mu=maker.array([float(row.mirostat_mu) for row in reversed(rows)], "float32"))


def arguments_of(fundamentallm, rows, vocab, like, to_mask=np.asarray):
    """The keywords of fundamentallm.sample that stand for these rows."""
    arguments = {name: [getattr(row, name) for row in rows] for name in VALUES}
    return {**arguments, "allow_mask": fundamentallm.pack_mask(to_mask(np.stack([row.allowed for row in rows]))),
            "ban_ids": [row.ban_ids for row in rows], "end_ids": [row.end_ids for row in rows], "bias": [row.bias for row in rows],
            "history": history_of(fundamentallm, rows, vocab, like), "filters": filters_of(fundamentallm, rows, like),
            "sequences": sequences_of(fundamentallm, rows, like)}


class OracleTest(unittest.TestCase):
    def near(self, got, exact, name, extra=0.0):
        if not np.isfinite(exact):
            self.assertEqual(got, exact, name)
        else:
            self.assertLessEqual(abs(float(got) - exact), LOGPROB_ABSOLUTE + LOGPROB_RELATIVE * (abs(exact) + extra), name)

    def check_row(self, result, index, expected):
        """result: of fundamentallm.sample with details, top and probabilities, all as numpy arrays."""
        details, top = result.details, result.top
        extra = abs(np.log(expected.kept_mass / oracle.FULL)) if expected.kept_mass else 0.0
        self.assertEqual(int(result.tokens[index]), expected.token)
        self.assertEqual(int(result.status[index]), expected.status)
        self.assertEqual(int(details.rank[index]), expected.rank)
        self.assertEqual(int(details.kept_count[index]), expected.kept_count)
        self.assertEqual(int(details.kept_mass[index]), expected.kept_mass)
        self.near(details.raw_logprob[index], expected.raw_logprob, "raw_logprob")
        self.near(details.processed_logprob[index], expected.processed_logprob, "processed_logprob", extra)
        count = top.ids.shape[1]
        wanted = (expected.top + [(-1, -np.inf, -np.inf)] * count)[:count]
        self.assertEqual(top.ids[index].tolist(), [entry[0] for entry in wanted])
        for place, (_, raw, processed) in enumerate(wanted):
            self.near(top.raw_logprob[index, place], raw, "top raw")
            self.near(top.processed_logprob[index, place], processed, "top processed", extra)
        # Two integers converted to binary32 and divided: three roundings of 2^-24 at most.
        np.testing.assert_allclose(result.probabilities[index].astype(np.float64), expected.probabilities, rtol=1.8e-7, atol=0)

    def check_batch(self, fundamentallm, logits, rows, to_array=lambda a: a, to_numpy=np.asarray, sampler=None):
        """Samples a batch of numpy logits, handed over as to_array(logits), and compares every row."""
        given = to_array(logits)
        vocab = logits.shape[1]
        sample = sampler.sample if sampler else fundamentallm.sample
        result = sample(given, details=True, top=5, probabilities=True,
                        **arguments_of(fundamentallm, rows, vocab, given, lambda mask: to_array(mask)))
        self.assertIs(type(result.tokens), type(given))
        numpy_result = fundamentallm.SampleResult(
            to_numpy(result.tokens), to_numpy(result.status), fundamentallm.Details(to_numpy(result.details.words)),
            fundamentallm.Top(to_numpy(result.top.words)), to_numpy(result.probabilities))
        for index, row in enumerate(rows):
            in_vocabulary = {i: count for i, count in row.counts.items() if i < vocab}
            with self.subTest(row=index, vocab=vocab):
                self.check_row(numpy_result, index, oracle.sample(logits[index], dataclasses.replace(row, counts=in_vocabulary)))
