#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example for vLLM: with vLLM's own classes where it can be imported, and with stand-ins, which have the fields that vLLM's
SamplingMetadata, SamplerOutput, LogprobsTensors and built-in logits processors have, and nothing else of it."""
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


class StandIns:
    """What the example sees of vLLM, in place of it."""

    SamplerOutput = collections.namedtuple("SamplerOutput", "sampled_token_ids logprobs_tensors")
    LogprobsTensors = collections.namedtuple("LogprobsTensors", "logprob_token_ids logprobs selected_token_ranks")
    outputs = types.SimpleNamespace(SamplerOutput=SamplerOutput, LogprobsTensors=LogprobsTensors)
    SamplingMetadata = types.SimpleNamespace

    @staticmethod
    def processors(changing=(), invariant=()):
        return types.SimpleNamespace(non_argmax_invariant=list(changing), argmax_invariant=list(invariant))

    @staticmethod
    def built_in(rows, biases, least, min_p):
        """Logits processors. biases: {row: {id: value}}; least: {row: (tokens, output, end ids)}; min_p: {row: value}."""
        values = torch.tensor([[min_p.get(row, 0.0)] for row in range(rows)])
        return StandIns.processors(
            [types.SimpleNamespace(biases=biases), types.SimpleNamespace(min_toks={row: (*entry, False) for row, entry in least.items()})],
            [types.SimpleNamespace(min_p=values, min_p_count=len(min_p))])


class OwnClasses:
    """vLLM's own."""

    def __init__(self):
        import vllm.utils.torch_utils
        import vllm.v1.outputs
        from vllm.v1.sample.metadata import SamplingMetadata
        self.outputs = vllm.v1.outputs
        self.SamplingMetadata = SamplingMetadata
        if not torch.cuda.is_available():
            vllm.utils.torch_utils.PIN_MEMORY = False  # a build for CUDA would ask the driver to pin host memory

    @staticmethod
    def processors(changing=(), invariant=()):
        from vllm.v1.sample.logits_processor import LogitsProcessors
        made = LogitsProcessors()
        made.non_argmax_invariant.extend(changing)
        made.argmax_invariant.extend(invariant)
        return made

    @staticmethod
    def built_in(rows, biases, least, min_p):
        from vllm import SamplingParams
        from vllm.v1.sample.logits_processor import (BatchUpdate, LogitBiasLogitsProcessor, LogitsProcessors, MinPLogitsProcessor,
                                                     MinTokensLogitsProcessor)
        config = types.SimpleNamespace(scheduler_config=types.SimpleNamespace(max_num_seqs=rows))
        made = [kind(config, torch.device("cpu"), False) for kind in (LogitBiasLogitsProcessor, MinTokensLogitsProcessor, MinPLogitsProcessor)]
        added = []
        for row in range(rows):
            tokens, output, ends = least.get(row, (0, [], set()))
            params = SamplingParams(logit_bias=biases.get(row), min_tokens=tokens, stop_token_ids=sorted(ends), min_p=min_p.get(row, 0.0))
            added.append((row, params, None, output))
        for processor in made:
            processor.update_state(BatchUpdate(batch_size=rows, removed=[], added=added, moved=[]))
        return LogitsProcessors(made)


class Example:
    """The tests; `vllm` is one of the above."""

    def metadata(self, rows, **fields):
        """A batch without any option, and these."""
        zeros = torch.zeros(rows)
        defaults = {
            "temperature": torch.ones(rows), "all_greedy": False, "all_random": True, "top_p": None, "top_k": None, "generators": {},
            "max_num_logprobs": None, "no_penalties": True, "prompt_token_ids": None, "frequency_penalties": zeros,
            "presence_penalties": zeros, "repetition_penalties": torch.ones(rows), "output_token_ids": [[] for _ in range(rows)],
            "allowed_token_ids_mask": None, "bad_words_token_ids": {}, "logitsprocs": self.vllm.processors(), "spec_token_ids": None}
        return self.vllm.SamplingMetadata(**{**defaults, **fields})

    def setUp(self):
        self.sampler = FundamentaLLMSampler(outputs=self.vllm.outputs)
        self.logits = torch.from_numpy(support.random_logits(np.random.default_rng(80), 3, 40))
        self.generators = {row: torch.Generator().manual_seed(100 + row) for row in range(3)}

    def expected(self, rows):
        return [oracle.sample(l.numpy(), oracle.Row(seed=100 + i, **row)) for i, (l, row) in enumerate(zip(self.logits, rows))]

    def test_seeded_rows_with_all_options(self):
        outputs = [[4, 5, 4], [6], []]
        prompts = [[1, 2, 40], [3, 40, 40], [7, 8, 9]]  # padded with the vocabulary's size
        disallowed = torch.zeros(3, 40, dtype=torch.bool)
        disallowed[1, 20:] = True
        meta = self.metadata(
            3, generators=self.generators, temperature=torch.tensor([0.7, 1.2, 0.0]), top_p=torch.tensor([0.9, 1.0, 1.0]),
            top_k=torch.tensor([5, 40, 40], dtype=torch.int32), no_penalties=False, prompt_token_ids=torch.tensor(prompts),
            frequency_penalties=torch.tensor([0.5, 0.0, 0.1]), presence_penalties=torch.tensor([0.1, 0.2, 0.0]),
            repetition_penalties=torch.tensor([1.1, 1.0, 1.3]), output_token_ids=outputs, allowed_token_ids_mask=disallowed,
            bad_words_token_ids={2: [[11], [12]]}, max_num_logprobs=2,
            logitsprocs=self.vllm.built_in(3, biases={0: {3: 2.0}}, least={1: (5, outputs[1], {2, 3})}, min_p={0: 0.01}))
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
        output = self.sampler(self.logits, self.metadata(3, all_greedy=True, all_random=False, temperature=None))
        self.assertEqual(output.sampled_token_ids[:, 0].tolist(), self.logits.argmax(1).tolist())
        self.assertIsNone(output.logprobs_tensors)

    def test_only_the_drawn_token(self):
        output = self.sampler(self.logits, self.metadata(3, generators=self.generators, max_num_logprobs=0))
        self.assertEqual(tuple(output.logprobs_tensors.logprob_token_ids.shape), (3, 1))
        self.assertEqual(output.sampled_token_ids[:, 0].tolist(), [e.token for e in self.expected([{}] * 3)])

    def test_rows_without_a_seed_differ(self):
        flat = torch.zeros(32, 4096)
        tokens = self.sampler(flat, self.metadata(32)).sampled_token_ids[:, 0].tolist()
        # 32 draws from 4096 ids: fewer than 20 different ones have a probability below 1e-20.
        self.assertGreaterEqual(len(set(tokens)), 20)

    def test_what_the_example_refuses(self):
        structured = types.SimpleNamespace(min_toks={0: (3, [], {1}, True)})
        thinking = types.SimpleNamespace(has_tracked_requests=lambda: True)
        for fields in ({"bad_words_token_ids": {0: [[1, 2]]}}, {"spec_token_ids": [[1], [], []]}, {"max_num_logprobs": -1},
                       {"max_num_logprobs": 33}, {"logprob_token_ids": {0: [1]}}, {"thinking_budget_state_holder": thinking},
                       {"logitsprocs": self.vllm.processors(invariant=[types.SimpleNamespace()])},
                       {"logitsprocs": self.vllm.processors(changing=[structured])}):
            with self.subTest(fields=fields), self.assertRaises(NotImplementedError):
                self.sampler(self.logits, self.metadata(3, **fields))


class WithStandIns(Example, unittest.TestCase):
    vllm = StandIns


class WithVllm(Example, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            cls.vllm = OwnClasses()
        except ImportError as error:
            raise unittest.SkipTest(f"vLLM cannot be imported, stand-ins alone were used: {error}") from error


if __name__ == "__main__":
    unittest.main(verbosity=2)
