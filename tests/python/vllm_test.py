#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example for vLLM. vLLM itself is not run here: what stands in for it below has the fields that its documentation gives
SamplingMetadata, SamplerOutput, LogprobsTensors and the built-in logits processors, and nothing else of it."""
import collections
import pathlib
import sys
import types
import unittest

import numpy as np
import oracle
import support

torch = support.require("torch")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python" / "examples"))
from vllm_sampler import FundamentaLLMSampler  # noqa: E402  after torch is known to be there

STAND_IN_OUTPUTS = types.SimpleNamespace(
    SamplerOutput=collections.namedtuple("SamplerOutput", "sampled_token_ids logprobs_tensors"),
    LogprobsTensors=collections.namedtuple("LogprobsTensors", "logprob_token_ids logprobs selected_token_ranks"))


def stand_in_metadata(rows, **fields):
    """A batch without any option, and these."""
    processors = types.SimpleNamespace(non_argmax_invariant=fields.pop("changing", []), argmax_invariant=fields.pop("invariant", []))
    zeros = torch.zeros(rows)
    defaults = {
        "temperature": torch.ones(rows), "all_greedy": False, "all_random": True, "top_p": None, "top_k": None, "generators": {},
        "max_num_logprobs": None, "no_penalties": True, "prompt_token_ids": None, "frequency_penalties": zeros,
        "presence_penalties": zeros, "repetition_penalties": torch.ones(rows), "output_token_ids": [[] for _ in range(rows)],
        "allowed_token_ids_mask": None, "bad_words_token_ids": {}, "logitsprocs": processors, "spec_token_ids": None}
    return types.SimpleNamespace(**{**defaults, **fields})


class StandInForVllm(unittest.TestCase):
    def setUp(self):
        self.sampler = FundamentaLLMSampler(outputs=STAND_IN_OUTPUTS)
        self.logits = torch.from_numpy(support.random_logits(np.random.default_rng(80), 3, 40))
        self.generators = {row: torch.Generator().manual_seed(100 + row) for row in range(3)}

    def expected(self, rows):
        return [oracle.sample(l.numpy(), oracle.Row(seed=100 + i, **row)) for i, (l, row) in enumerate(zip(self.logits, rows))]

    def test_seeded_rows_with_all_options(self):
        outputs = [[4, 5, 4], [6], []]
        prompts = [[1, 2, 40], [3, 40, 40], [7, 8, 9]]  # padded with the vocabulary's size
        disallowed = torch.zeros(3, 40, dtype=torch.bool)
        disallowed[1, 20:] = True
        meta = stand_in_metadata(
            3, generators=self.generators, temperature=torch.tensor([0.7, 1.2, 0.0]), top_p=torch.tensor([0.9, 1.0, 1.0]),
            top_k=torch.tensor([5, 40, 40], dtype=torch.int32), no_penalties=False, prompt_token_ids=torch.tensor(prompts),
            frequency_penalties=torch.tensor([0.5, 0.0, 0.1]), presence_penalties=torch.tensor([0.1, 0.2, 0.0]),
            repetition_penalties=torch.tensor([1.1, 1.0, 1.3]), output_token_ids=outputs, allowed_token_ids_mask=disallowed,
            bad_words_token_ids={2: [[11], [12]]}, max_num_logprobs=2,
            changing=[types.SimpleNamespace(biases={0: {3: 2.0}}), types.SimpleNamespace(min_toks={1: (5, outputs[1], {2, 3})})],
            invariant=[types.SimpleNamespace(min_p=torch.tensor([[0.01], [0.0], [0.0]]), min_p_count=1)])
        output = self.sampler(self.logits, meta)
        counts = [{t: outputs[i].count(t) for t in dict.fromkeys([t for t in prompts[i] if t < 40] + outputs[i])} for i in range(3)]
        f = lambda value: float(np.float32(value))
        rows = [
            {"temperature": f(0.7), "top_p": f(0.9), "top_k": 5, "min_p": f(0.01), "repetition_penalty": f(1.1), "frequency_penalty": 0.5,
             "presence_penalty": f(0.1), "bias": {3: 2.0}},
            {"temperature": f(1.2), "top_k": 40, "presence_penalty": f(0.2), "allowed": ~disallowed[1].numpy(), "min_tokens": 5,
             "end_ids": [2, 3], "generated": 1},
            {"temperature": 0.0, "top_k": 40, "repetition_penalty": f(1.3), "frequency_penalty": f(0.1), "ban_ids": [11, 12]}]
        expected = self.expected([{**row, "counts": counts[i], "position": len(outputs[i])} for i, row in enumerate(rows)])
        self.assertEqual((output.sampled_token_ids.dtype, tuple(output.sampled_token_ids.shape)), (torch.int32, (3, 1)))
        self.assertEqual(output.sampled_token_ids[:, 0].tolist(), [e.token for e in expected])
        ids = output.logprobs_tensors.logprob_token_ids
        self.assertEqual(ids.tolist(), [[e.token, e.top[0][0], e.top[1][0]] for e in expected])
        self.assertEqual(output.logprobs_tensors.selected_token_ranks.tolist(), [e.rank + 1 for e in expected])
        exact = torch.log_softmax(self.logits.double(), dim=1).gather(1, ids.long())
        # docs/sampling.md: within 4e-7 + 2.4e-7 |value| of the exact value.
        self.assertTrue(((output.logprobs_tensors.logprobs - exact).abs() <= 4e-7 + 2.4e-7 * exact.abs()).all())

    def test_greedy_batches_need_no_temperature(self):
        output = self.sampler(self.logits, stand_in_metadata(3, all_greedy=True, all_random=False, temperature=None))
        self.assertEqual(output.sampled_token_ids[:, 0].tolist(), self.logits.argmax(1).tolist())
        self.assertIsNone(output.logprobs_tensors)

    def test_only_the_drawn_token(self):
        output = self.sampler(self.logits, stand_in_metadata(3, generators=self.generators, max_num_logprobs=0))
        self.assertEqual(tuple(output.logprobs_tensors.logprob_token_ids.shape), (3, 1))
        self.assertEqual(output.sampled_token_ids[:, 0].tolist(), [e.token for e in self.expected([{}] * 3)])

    def test_rows_without_a_seed_differ(self):
        flat = torch.zeros(32, 4096)
        tokens = self.sampler(flat, stand_in_metadata(32)).sampled_token_ids[:, 0].tolist()
        # 32 draws from 4096 ids: fewer than 20 different ones have a probability below 1e-20.
        self.assertGreaterEqual(len(set(tokens)), 20)

    def test_what_the_example_refuses(self):
        for fields in ({"bad_words_token_ids": {0: [[1, 2]]}}, {"spec_token_ids": [[1], [], []]}, {"invariant": [types.SimpleNamespace()]}):
            with self.assertRaises(NotImplementedError):
                self.sampler(self.logits, stand_in_metadata(3, **fields))


if __name__ == "__main__":
    unittest.main(verbosity=2)
