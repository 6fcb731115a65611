#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""torch tensors on the CPU: the same rows, bfloat16, and what is torch's own."""
import unittest

import fundamentallm
import numpy as np
import support

torch = support.require("torch")


class Torch(support.OracleTest):
    def check(self, logits, rows, dtype, view=lambda tensor: tensor):
        def to_array(values):
            tensor = torch.from_numpy(np.array(values))
            return view(tensor.to(dtype)) if tensor.is_floating_point() else tensor
        exact = to_array(logits).to(torch.float32).numpy()
        self.check_batch(fundamentallm, exact, rows, to_array, lambda tensor: tensor.numpy())

    def test_every_type(self):
        rng = np.random.default_rng(50)
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            self.check(support.random_logits(rng, 16, 333), support.random_rows(rng, 16, 333), dtype)

    def test_rows_apart(self):
        rng = np.random.default_rng(51)
        rows = support.random_rows(rng, 5, 101)
        for dtype in (torch.float32, torch.bfloat16):
            def apart(tensor):
                wide = torch.zeros(10, 150, dtype=dtype)
                wide[::2, 7:108] = tensor
                return wide[::2, 7:108]
            self.check(support.random_logits(rng, 5, 101), rows, dtype, apart)

    def test_numpy_and_torch_agree(self):
        logits = support.random_logits(np.random.default_rng(52), 8, 500)
        by_numpy = fundamentallm.sample(logits, seed=(1 << 64) - 3, position=(1 << 32) - 1, top_p=0.8).tokens
        by_torch = fundamentallm.sample(torch.from_numpy(logits), seed=(1 << 64) - 3, position=(1 << 32) - 1, top_p=0.8).tokens
        self.assertEqual(by_torch.dtype, torch.int32)
        self.assertEqual(by_torch.tolist(), by_numpy.tolist())
        seeds = torch.tensor([-3] * 8)  # the same 64 bits
        self.assertEqual(fundamentallm.sample(torch.from_numpy(logits), seed=seeds, position=(1 << 32) - 1, top_p=0.8).tokens.tolist(),
                         by_numpy.tolist())

    def test_bfloat16_of_another_library(self):
        logits = torch.from_numpy(support.random_logits(np.random.default_rng(53), 4, 64)).to(torch.bfloat16)
        expected = fundamentallm.sample(logits, seed=range(4)).tokens
        result = fundamentallm.sample(support.Lent(logits), seed=range(4))
        self.assertIsInstance(result.tokens, np.ndarray)
        self.assertEqual(result.tokens.tolist(), expected.tolist())

    def test_masks(self):
        allowed = torch.zeros(3, 70, dtype=torch.bool)
        allowed[0, 31] = allowed[1, 69] = allowed[2, 0] = True
        words = fundamentallm.pack_mask(allowed)
        self.assertEqual((tuple(words.shape), words.dtype), ((3, 3), torch.int32))
        np.testing.assert_array_equal(words.numpy(), fundamentallm.pack_mask(allowed.numpy()))
        self.assertEqual(fundamentallm.sample(torch.zeros(3, 70), allow_mask=words).tokens.tolist(), [31, 69, 0])

    def test_views_of_results(self):
        result = fundamentallm.sample(torch.zeros(2, 8), seed=1, details=True, top=3, probabilities=True)
        self.assertEqual(result.details.kept_mass.tolist(), [8 << 40] * 2)
        self.assertEqual(result.details.kept_mass.dtype, torch.int64)
        self.assertEqual(result.top.ids.tolist(), [[0, 1, 2]] * 2)
        self.assertEqual(result.probabilities.tolist(), [[0.125] * 8] * 2)

    def test_history_and_outputs(self):
        logits = torch.zeros(2, 4)
        history = fundamentallm.History(2, 4, 4, like=logits)
        tokens = torch.zeros(2, dtype=torch.int32)
        position = torch.zeros(2, dtype=torch.int32)
        for _ in range(8):  # a large penalty: every id is drawn once before any is drawn again
            result = fundamentallm.sample(logits, seed=[1, 2], position=position, history=history, presence_penalty=2.0,
                                          frequency_penalty=2.0, temperature=0.01, advance=True, out=tokens)
            self.assertIs(result.tokens, tokens)
        self.assertEqual([sorted(history.counts(slot).items()) for slot in range(2)], [[(i, 2) for i in range(4)]] * 2)
        self.assertEqual(position.tolist(), [8, 8])

    def test_sequences(self):
        logits = torch.zeros(2, 4)
        sequences = fundamentallm.Sequences(2, 3, like=logits)
        sequences.put([[1, 2], []])
        self.assertEqual([sequences.tokens.dtype, sequences.mirostat_mu.dtype], [torch.int32, torch.float32])
        filters = fundamentallm.Filters(2, no_repeat_ngram=1, mirostat_tau=torch.tensor([5.0, 0.0]), like=logits)
        drawn = [fundamentallm.sample(logits, seed=[1, 2], filters=filters, sequences=sequences, advance=True).tokens.tolist() for _ in range(4)]
        self.assertEqual(sequences.ids(0), [1, 2, drawn[0][0]])
        self.assertEqual(sequences.ids(1), [row[1] for row in drawn[:3]])
        self.assertEqual(len(set(sequences.ids(1))), 3)
        self.assertEqual(torch.isnan(sequences.mirostat_mu).tolist(), [False, True])
        sequences.reserve(4)
        self.assertEqual(sequences.ids(0), [1, 2, drawn[0][0]])
        sequences.clear([0])
        self.assertEqual((sequences.ids(0), torch.isnan(sequences.mirostat_mu).tolist()), ([], [True, True]))

    def test_logits_of_a_model_in_training(self):
        logits = torch.randn(4, 30, generator=torch.Generator().manual_seed(1), requires_grad=True)
        temperature = torch.full((4,), 0.7, requires_grad=True)
        expected = fundamentallm.sample(logits.detach(), seed=range(4), temperature=0.7).tokens.tolist()
        self.assertEqual(fundamentallm.sample(logits * 1, seed=range(4), temperature=temperature).tokens.tolist(), expected)
        self.assertEqual(fundamentallm.sample(logits, seed=range(4), temperature=0.7).tokens.tolist(), expected)

    def test_refused(self):
        out = fundamentallm.sample(torch.zeros(2, 4), probabilities=True)
        out.probabilities = torch.zeros(2, 4, requires_grad=True)
        with self.assertRaisesRegex(ValueError, "probabilities: requires a gradient"):
            fundamentallm.sample(torch.zeros(2, 4), out=out)
        for logits in (torch.zeros(2, 4, dtype=torch.float64), torch.zeros(2, 4).t(), torch.zeros(2, 4, dtype=torch.int32)):
            with self.assertRaisesRegex(ValueError, "logits"):
                fundamentallm.sample(logits)
        with self.assertRaisesRegex(ValueError, "top_k"):
            fundamentallm.sample(torch.zeros(2, 4), top_k=torch.tensor([1, 2]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
