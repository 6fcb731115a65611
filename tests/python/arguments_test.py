#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What may be handed over, what is refused and how, outputs given by the caller."""
import array
import unittest

import fundamentallm
import numpy as np
import oracle
import support


class Arguments(unittest.TestCase):
    def setUp(self):
        self.logits = support.random_logits(np.random.default_rng(30), 3, 64)

    def refuses(self, kind, words, *arguments, **options):
        with self.assertRaises(kind) as caught:
            fundamentallm.sample(*arguments, **options)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_numbers_lists_and_arrays_say_the_same(self):
        forms = (0.5, [0.5] * 3, (0.5,) * 3, np.full(3, 0.5, np.float32), np.float64(0.5), array.array("f", [0.5] * 3))
        tokens = {tuple(fundamentallm.sample(self.logits, temperature=form, seed=4).tokens.tolist()) for form in forms}
        self.assertEqual(len(tokens), 1)
        seeds = (5, range(5, 6), [5], np.array([5], np.uint64), np.array([5], np.int64))
        tokens = {tuple(fundamentallm.sample(self.logits[:1], seed=form).tokens.tolist()) for form in seeds}
        self.assertEqual(len(tokens), 1)

    def test_lists_for_all_rows_or_for_each(self):
        best = int(np.argmax(self.logits[0]))
        greedy = lambda **edits: fundamentallm.sample(self.logits, temperature=0, **edits).tokens.tolist()
        plain = greedy()
        self.assertEqual(greedy(ban_ids=[best])[0], oracle.sample(self.logits[0], oracle.Row(temperature=0, ban_ids=[best])).token)
        self.assertEqual(greedy(ban_ids=[[], [], [plain[2]]])[:2], plain[:2])
        self.assertEqual(greedy(bias={7: 100.0}), [7, 7, 7])
        self.assertEqual(greedy(bias=[{7: 100.0}, {}, {8: 100.0}]), [7, plain[1], 8])
        self.assertEqual(greedy(ban_ids=[], end_ids=[[], [], []], bias={}), plain)
        self.assertEqual(greedy(end_ids=plain[:1], generated=2, min_tokens=2), plain)
        self.assertNotEqual(greedy(end_ids=plain[:1], generated=1, min_tokens=2)[0], plain[0])

    def test_prepared_edits(self):
        edits = fundamentallm.Edits(3, ban_ids=[1, 2], end_ids=[3], bias=[{4: 1.5}, {}, {5: 2.5}], like=self.logits)
        direct = fundamentallm.sample(self.logits, seed=8, ban_ids=[1, 2], end_ids=[3], bias=[{4: 1.5}, {}, {5: 2.5}], min_tokens=1)
        self.assertEqual(fundamentallm.sample(self.logits, seed=8, edits=edits, min_tokens=1).tokens.tolist(), direct.tokens.tolist())
        self.refuses(ValueError, ["edits"], self.logits, edits=edits, ban_ids=[1])
        again = fundamentallm.Edits.from_arrays(**edits.arrays)
        self.assertEqual(fundamentallm.sample(self.logits, seed=8, edits=again, min_tokens=1).tokens.tolist(), direct.tokens.tolist())

    def test_masks(self):
        allowed = np.zeros((2, 64), bool)
        allowed[0, [3, 40]] = allowed[1, 63] = True
        words = fundamentallm.pack_mask(allowed)
        self.assertEqual((words.shape, words.dtype), ((2, 2), np.int32))
        self.assertEqual(words.view(np.uint32).tolist(), [[8, 256], [0, 1 << 31]])
        tokens = fundamentallm.sample(self.logits, allow_mask=words, mask_row=[1, -1, 0], temperature=0).tokens
        self.assertEqual(int(tokens[0]), 63)
        self.assertEqual(int(tokens[1]), int(np.argmax(self.logits[1])))
        self.assertIn(int(tokens[2]), (3, 40))
        self.assertEqual(fundamentallm.sample(self.logits, allow_mask=words[1]).tokens.tolist(), [63] * 3)
        self.assertEqual(fundamentallm.sample(self.logits, allow_mask=words.view(np.uint32)[1]).tokens.tolist(), [63] * 3)
        self.refuses(ValueError, ["allow_mask"], self.logits, allow_mask=words)  # two rows for three
        self.refuses(ValueError, ["allow_mask"], self.logits, allow_mask=words[:, :1], mask_row=[0, 0, 0])
        self.assertEqual(fundamentallm.pack_mask(np.ones(33, bool)).view(np.uint32).tolist(), [0xFFFFFFFF, 1])

    def test_an_empty_row(self):
        result = fundamentallm.sample(self.logits, allow_mask=np.zeros(2, np.int32), fallback_id=[9, 8, 7])
        self.assertEqual(result.tokens.tolist(), [9, 8, 7])
        self.assertEqual([fundamentallm.RowStatus(int(s)) for s in result.status], [fundamentallm.RowStatus.EMPTY] * 3)

    def test_numbers_out_of_range(self):
        for name, value in (("temperature", -1), ("temperature", float("nan")), ("temperature", 1e39), ("top_p", -0.1), ("min_p", 1.5),
                            ("repetition_penalty", 0), ("frequency_penalty", 2.5), ("presence_penalty", -3), ("seed", -1), ("seed", 1 << 64),
                            ("seed", 1.5), ("top_k", 1 << 31), ("top_k", 2.0), ("position", -1), ("fallback_id", -1), ("min_tokens", -1),
                            ("temperature", 1j), ("uniforms", -1)):
            self.refuses(ValueError, [name, repr(value)], self.logits, **{name: value})
            self.refuses(ValueError, [name, repr(value)], self.logits, **{name: [value] * 3})

    def test_all_violations_at_once(self):
        self.refuses(ValueError, ["temperature: -1", "\nmin_p: 3", "\nseed: 2 values"], self.logits, temperature=-1, min_p=3, seed=[1, 2])
        self.refuses(ValueError, ["temperature", "\ntop_k"], self.logits, temperature=np.zeros(2, np.float32), top_k=np.zeros(3, np.int8))

    def test_lists_that_are_none(self):
        self.refuses(ValueError, ["temperature", "object"], self.logits, temperature=object())
        self.refuses(ValueError, ["temperature", "'x'"], self.logits, temperature="xyz")
        self.refuses(ValueError, ["ban_ids", "2 rows", "3 rows"], self.logits, ban_ids=[[1], [2]])
        self.refuses(ValueError, ["ban_ids", "-1"], self.logits, ban_ids=[-1])
        self.refuses(ValueError, ["end_ids", "1.5"], self.logits, end_ids=[[1.5], [], []])
        self.refuses(ValueError, ["bias", "nan"], self.logits, bias={1: float("nan")})
        self.refuses(ValueError, ["bias", "2147483648"], self.logits, bias={1 << 31: 1.0})
        self.refuses(ValueError, ["bias", "1 rows"], self.logits, bias=[{}])
        self.refuses(ValueError, ["top", "33"], self.logits, top=33)
        self.refuses(ValueError, ["blocks_per_row", "3"], self.logits, blocks_per_row=3)
        self.refuses(ValueError, ["random_stream", "5"], self.logits, random_stream=5)
        for name in ("top", "blocks_per_row", "random_stream"):
            for value in ("x", 1.5, None):
                self.refuses(ValueError, [name, repr(value)], self.logits, **{name: value})
        self.refuses(ValueError, ["bias", "dictionaries"], self.logits, bias=[1, 2, 3])
        self.refuses(TypeError, ["history", "int"], self.logits, history=3)
        self.refuses(TypeError, ["edits", "dict"], self.logits, edits={})
        self.refuses(TypeError, ["allow_mask", "list"], self.logits, allow_mask=[1, 2])

    def test_filters(self):
        def prepare(**options):
            return fundamentallm.Filters(3, like=self.logits, **options)

        def not_prepared(words, **options):
            with self.assertRaisesRegex(ValueError, words):
                prepare(**options)

        for name, value in (("typical_p", -0.1), ("typical_p", float("nan")), ("top_n_sigma", 101), ("top_n_sigma", -1), ("xtc_probability", 1.1),
                            ("xtc_threshold", -0.5), ("mirostat_tau", -1), ("mirostat_tau", float("inf")), ("mirostat_eta", -1),
                            ("no_repeat_ngram", 65), ("no_repeat_ngram", 1.5), ("dry_multiplier", -1), ("dry_base", 0.5), ("dry_allowed_length", 0), ("dry_range", -1),
                            ("history_begin", -1), ("sequence_slot", -2)):
            not_prepared(f"{name}: {value}", **{name: value})
            not_prepared(f"{name}: {value}", **{name: [value] * 3})
        not_prepared("typical_p: -1.*\nmirostat_tau: 2 values", typical_p=-1, mirostat_tau=[1, 2])
        not_prepared("sequence_slot: 1: must be distinct", sequence_slot=[1, 0, 1])
        not_prepared("dry_breakers: 2 rows", dry_breakers=[[1], [2]])
        not_prepared("dry_breakers: -1", dry_breakers=[-1])
        not_prepared("bad_words: 2 rows.*3 rows", bad_words=[[[1]], [[2]]])
        not_prepared("bad_words: -1", bad_words=[[1, -1]])
        not_prepared("bad_words: must be lists", bad_words=[1, 2])
        not_prepared("bad_words: must be lists", bad_words=[[[1]], [2], [[3]]])
        not_prepared("bad_words: must be lists", bad_words=3)
        sequences, plain = fundamentallm.Sequences(3, 4), prepare()
        self.refuses(TypeError, ["filters", "dict"], self.logits, filters={})
        self.refuses(TypeError, ["sequences", "History"], self.logits, filters=plain, sequences=fundamentallm.History(3, 4, 64))
        self.refuses(ValueError, ["sequences", "filters"], self.logits, sequences=sequences)
        self.refuses(ValueError, ["filters", "[3, 17]"], self.logits[:2], filters=plain)
        self.refuses(ValueError, ["sequences: 2 slots", "sequence_slot"], self.logits, filters=plain, sequences=fundamentallm.Sequences(2, 4))
        state = fundamentallm.Sequences.from_arrays(mirostat_mu=np.zeros(3, np.float32))
        for name, value in (("no_repeat_ngram", 2), ("dry_multiplier", [0, 0, 1]), ("bad_words", [[1, 2]])):
            for given in (None, state):
                self.refuses(ValueError, ["filters", name, "sequences"], self.logits, filters=prepare(**{name: value}), sequences=given)
        fundamentallm.sample(self.logits, filters=prepare(bad_words=[[1]], mirostat_tau=1))  # needs none
        self.refuses(ValueError, ["sequence_lengths"], self.logits, filters=plain,
                     sequences=fundamentallm.Sequences.from_arrays(tokens=sequences.tokens, lengths=np.zeros(2, np.int32)))
        self.refuses(ValueError, ["mirostat_mu"], self.logits, filters=plain,
                     sequences=fundamentallm.Sequences.from_arrays(mirostat_mu=np.zeros(3)))

    def test_logits(self):
        self.refuses(ValueError, ["logits", "float64"], self.logits.astype(np.float64))
        self.refuses(ValueError, ["logits", "int32"], self.logits.astype(np.int32))
        self.refuses(ValueError, ["logits", "[1, 3, 64]"], self.logits[None])
        self.refuses(ValueError, ["logits"], self.logits[:, ::2])
        self.refuses(ValueError, ["logits"], self.logits[::-1])
        self.refuses(ValueError, ["logits"], self.logits[:, ::-1])
        self.refuses(ValueError, ["logits"], np.broadcast_to(self.logits[:1], (3, 64)))  # rows on top of each other
        self.refuses(ValueError, ["vocab"], np.zeros((1, (1 << 20) + 1), np.float16))
        self.refuses(ValueError, ["vocab"], np.zeros((1, 0), np.float32))
        self.refuses(ValueError, ["logits", "list"], [[1.0]])
        self.refuses(ValueError, ["logits", "NoneType"], None)

    def test_arrays(self):
        for name, given in (("temperature", np.zeros(3)), ("temperature", np.zeros(4, np.float32)), ("temperature", np.zeros((3, 1), np.float32)),
                            ("temperature", np.zeros(6, np.float32)[::2]), ("seed", np.zeros(3, np.int32)), ("top_k", np.zeros(3, np.int64)),
                            ("top_k", np.zeros(3, np.float32)), ("temperature", np.float32([0.5])[0:0])):
            self.refuses(ValueError, [name], self.logits, **{name: given})

    def test_another_device(self):
        class OnCuda:
            shape, dtype = (3, 64), "float32"

            def __dlpack_device__(self):
                return 2, 0

        self.refuses(TypeError, ["logits", "torch or cupy"], OnCuda())

        class OnVulkan(OnCuda):
            def __dlpack_device__(self):
                return 7, 0

        self.refuses(ValueError, ["logits", "7"], OnVulkan())

    def test_given_outputs(self):
        tokens = np.full(3, -1, np.int32)
        result = fundamentallm.sample(self.logits, seed=2, out=tokens)
        self.assertIs(result.tokens, tokens)
        self.assertTrue((tokens >= 0).all())
        full = fundamentallm.sample(self.logits, seed=2, details=True, top=4, probabilities=True)
        kept = (full.tokens, full.status, full.details.words, full.top.words, full.probabilities)
        expected = [np.copy(a) for a in kept]
        for written in kept:
            written.fill(0)
        again = fundamentallm.sample(self.logits, seed=2, out=full)
        self.assertIs(again, full)
        for written, wanted in zip(kept, expected):
            np.testing.assert_array_equal(written, wanted)
        # Rows of probabilities may lie apart.
        wide = np.full((3, 100), -1, np.float32)
        fundamentallm.sample(self.logits, seed=2, out=fundamentallm.SampleResult(tokens, probabilities=wide[:, :64]))
        np.testing.assert_array_equal(wide[:, :64], full.probabilities)
        self.assertTrue((wide[:, 64:] == -1).all())

    def test_outputs_that_do_not_fit(self):
        self.refuses(ValueError, ["tokens"], self.logits, out=np.zeros(2, np.int32))
        self.refuses(ValueError, ["tokens"], self.logits, out=np.zeros(3, np.int64))
        self.refuses(TypeError, ["tokens", "list"], self.logits, out=[0, 0, 0])
        locked = np.zeros(3, np.int32)
        locked.flags.writeable = False
        self.refuses(ValueError, ["tokens", "read-only"], self.logits, out=locked)
        tokens = np.full(3, -7, np.int32)
        self.refuses(ValueError, ["probabilities"], self.logits,
                     out=fundamentallm.SampleResult(tokens, probabilities=np.zeros((3, 65), np.float32)))
        self.assertEqual(tokens.tolist(), [-7] * 3)

    def test_results_as_text(self):
        result = fundamentallm.sample(self.logits[:1], temperature=0, details=True, top=1)
        best = int(self.logits[0].argmax())
        self.assertRegex(repr(result), rf"(?s)^SampleResult\(tokens=array\(\[{best}\].*details=Details\(.*rank=array\(\[0\].*top=Top\(ids=")

    def test_a_given_workspace(self):
        sampler = fundamentallm.Sampler("cpu", threads=2)
        needed = sampler.workspace_bytes(self.logits)
        expected = sampler.sample(self.logits, seed=1).tokens.tolist()
        workspace = np.zeros(needed, np.uint8)
        self.assertEqual(sampler.sample(self.logits, seed=1, workspace=workspace).tokens.tolist(), expected)
        if needed > 0:
            with self.assertRaisesRegex(ValueError, "workspace"):
                sampler.sample(self.logits, seed=1, workspace=workspace[:-1])
        self.assertEqual(sampler.workspace_bytes(memoryview(self.logits)), needed)
        with self.assertRaisesRegex(ValueError, "logits: float64"):
            sampler.workspace_bytes(self.logits.astype(np.float64))

    def test_advance(self):
        position, generated = np.array([0, 5, 9], np.uint32), np.zeros(3, np.int32)
        walked = [fundamentallm.sample(self.logits, seed=3, position=position, generated=generated, advance=True).tokens.tolist()
                  for _ in range(3)]
        self.assertEqual((position.tolist(), generated.tolist()), ([3, 8, 12], [3, 3, 3]))
        self.assertEqual(walked, [fundamentallm.sample(self.logits, seed=3, position=[i, 5 + i, 9 + i]).tokens.tolist() for i in range(3)])
        self.refuses(ValueError, ["position", "array"], self.logits, position=1, advance=True)
        self.refuses(ValueError, ["advance"], self.logits, advance=True)
        position.flags.writeable = False
        self.refuses(ValueError, ["position", "read-only"], self.logits, position=position, advance=True)

    def test_samplers(self):
        self.assertRegex(fundamentallm.Sampler("cpu", threads=2).describe(), r"cpu.*2 threads")
        for device in ("tpu", "cuda:", "cuda:x", "cpu:0", ""):
            with self.assertRaisesRegex(ValueError, "device"):
                fundamentallm.Sampler(device)
        for threads in (-1, 1025, 1.5, "2"):
            with self.assertRaisesRegex(ValueError, "threads"):
                fundamentallm.Sampler(threads=threads)
        with self.assertRaises(fundamentallm.UnsupportedError) as caught:
            fundamentallm.Sampler("cuda:63")
        self.assertIsInstance(caught.exception, fundamentallm.Error)
        self.assertIsInstance(caught.exception, RuntimeError)


if __name__ == "__main__":
    unittest.main(verbosity=2)
