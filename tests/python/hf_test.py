#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Hugging Face adapter: alone, and inside generate() of a small random model."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import oracle
import support

torch = support.require("torch")
from fundamentallm.hf import SamplerProcessor  # noqa: E402  after torch is known to be there


EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "python" / "examples" / "hf_generate.py"


class Processor(unittest.TestCase):
    """The processor as generate calls it, without transformers."""

    def setUp(self):
        self.rng = np.random.default_rng(70)

    def run_steps(self, processor, prompt, steps, vocab=20, logits=None):
        """The ids after `steps` calls; each call's logits are recorded."""
        ids, given = torch.tensor(prompt), []
        for step in range(steps):
            scores = torch.from_numpy(support.random_logits(self.rng, len(prompt), vocab)) if logits is None else logits[step]
            given.append(scores)
            chosen = processor(ids, scores)
            self.assertEqual(torch.isfinite(chosen).sum(1).tolist(), [1] * len(prompt))
            ids = torch.cat([ids, chosen.argmax(1, keepdim=True)], dim=1)
        return ids, given

    def test_steps_follow_the_oracle(self):
        prompt, pad = [[0, 0, 3, 5], [7, 3, 3, 9], [0, 0, 0, 0]], 0
        options = {"temperature": 0.9, "top_p": 0.95, "repetition_penalty": 1.4, "frequency_penalty": 0.2, "presence_penalty": 0.3,
                   "seed": 11}
        processor = SamplerProcessor(**options, ban_ids=[1], end_ids=[2], min_tokens=3, bias={4: 1.0}, pad_id=pad)
        ids, given = self.run_steps(processor, prompt, 8)
        for row, text in enumerate(prompt):
            real = [i for i, token in enumerate(text) if any(text[:i + 1])]
            counts = {text[i]: 0 for i in real}
            for step in range(8):
                expected = oracle.sample(given[step][row].numpy(), oracle.Row(
                    **options, sample_index=row, position=len(real) + step, generated=step, min_tokens=3, ban_ids=[1], end_ids=[2],
                    bias={4: 1.0}, counts=counts)).token
                self.assertEqual(int(ids[row, len(text) + step]), expected)
                counts[expected] = counts.get(expected, 0) + 1

    def test_filters_follow_the_oracle(self):
        prompt, pad, steps = [[0, 0, 3, 5], [7, 3, 3, 9]], 0, 300  # more than sequences have room for at first
        filters = {"typical_p": 0.9, "mirostat_tau": 2.0, "dry_multiplier": 0.8, "no_repeat_ngram": 3, "bad_words": [[3, 4], [6]]}
        ids, given = self.run_steps(SamplerProcessor(seed=12, filters=filters, pad_id=pad), prompt, steps)
        for index, text in enumerate(prompt):
            sequence = [token for token in text if token != pad]
            row = oracle.Row(seed=12, sample_index=index, position=len(sequence), sequence=sequence, **filters)
            for step in range(steps):
                expected = oracle.sample(given[step][index].numpy(), row)
                self.assertEqual(int(ids[index, len(text) + step]), expected.token)
                row.sequence.append(expected.token)
                row.mirostat_mu = expected.mirostat_mu
                row.position += 1

    def test_padding_and_company_change_nothing(self):
        logits = [torch.from_numpy(support.random_logits(self.rng, 1, 50)) for _ in range(6)]
        alone, _ = self.run_steps(SamplerProcessor(seed=3, sample_index=0), [[4, 5]], 6, logits=logits)
        both = [torch.cat([torch.zeros_like(l), l]) for l in logits]
        padded, _ = self.run_steps(SamplerProcessor(seed=[9, 3], sample_index=0, pad_id=0), [[1, 2, 3, 4], [0, 0, 4, 5]], 6, logits=both)
        self.assertEqual(padded[1, 4:].tolist(), alone[0, 2:].tolist())

    def test_a_text_goes_on_where_it_was_interrupted(self):
        logits = [torch.from_numpy(support.random_logits(self.rng, 1, 50)) for _ in range(6)]
        whole, _ = self.run_steps(SamplerProcessor(seed=3), [[4, 5]], 6, logits=logits)
        first, _ = self.run_steps(SamplerProcessor(seed=3), [[4, 5]], 3, logits=logits[:3])
        rest, _ = self.run_steps(SamplerProcessor(seed=3), first.tolist(), 3, logits=logits[3:])
        self.assertEqual(rest.tolist(), whole.tolist())

    def test_a_processor_can_be_used_again(self):
        processor = SamplerProcessor(seed=3, repetition_penalty=1.5)
        logits = [torch.from_numpy(support.random_logits(self.rng, 2, 50)) for _ in range(4)]
        first, _ = self.run_steps(processor, [[4, 5], [6, 7]], 4, logits=logits)
        again, _ = self.run_steps(processor, [[4, 5], [6, 7]], 4, logits=logits)
        other, _ = self.run_steps(processor, [[4, 5, 6]], 4, logits=[l[:1] for l in logits])
        self.assertEqual(again.tolist(), first.tolist())
        self.assertEqual(tuple(other.shape), (1, 7))

    def test_the_last_result(self):
        processor = SamplerProcessor(seed=1, details=True, top=3)
        self.run_steps(processor, [[1], [2]], 2)
        self.assertEqual(tuple(processor.result.top.ids.shape), (2, 3))
        self.assertEqual(tuple(processor.result.details.rank.shape), (2,))

    def test_half_precision(self):
        processor = SamplerProcessor(seed=1)
        chosen = processor(torch.tensor([[1]]), torch.randn(1, 30).to(torch.bfloat16))
        self.assertEqual((chosen.dtype, int(torch.isfinite(chosen).sum())), (torch.bfloat16, 1))


class Generate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        transformers = support.require("transformers")
        if not hasattr(transformers, "GPT2LMHeadModel"):
            raise unittest.SkipTest(f"transformers {transformers.__version__} has no models: this torch is too old for it")
        try:
            model_class = transformers.GPT2LMHeadModel
        except (ImportError, RuntimeError) as error:
            raise unittest.SkipTest(f"transformers {transformers.__version__} does not work with torch {torch.__version__}: "
                                    f"{error}") from error
        torch.manual_seed(5)
        config = transformers.GPT2Config(vocab_size=60, n_positions=128, n_embd=32, n_layer=2, n_head=2, initializer_range=0.6,
                                         bos_token_id=0, eos_token_id=1, pad_token_id=0)
        cls.model = model_class(config).eval()

    def generate(self, processor, prompt, **options):
        ids = torch.tensor(prompt)
        options = {"do_sample": True, "max_new_tokens": 12, **options}
        return self.model.generate(ids, attention_mask=(ids != 0).long(), logits_processor=[processor], **options)

    def test_generate_draws_the_librarys_tokens(self):
        """The model is run again over the text; what the oracle draws from its logits is the next token."""
        options = {"temperature": 0.8, "top_p": 0.9, "repetition_penalty": 1.2, "seed": 21}
        prompt = [[5, 6, 7], [8, 9, 10]]
        text = self.generate(SamplerProcessor(**options, end_ids=[1], min_tokens=12), prompt)
        self.assertEqual(tuple(text.shape), (2, 15))
        with torch.no_grad():
            logits = self.model(text).logits.float()
        agreeing = 0
        for row in range(2):
            for place in range(3, 15):
                history = text[row, :place].tolist()
                counts = {token: history[3:].count(token) for token in dict.fromkeys(history)}
                expected = oracle.sample(logits[row, place - 1].numpy(), oracle.Row(
                    **options, sample_index=row, position=place, generated=place - 3, min_tokens=12, end_ids=[1], counts=counts)).token
                agreeing += expected == int(text[row, place])
        # One pass over the text and step-by-step passes round differently, by 1e-6 of a logit or so; a draw lies that close
        # to the edge of its interval about once in 1e5.
        self.assertEqual(agreeing, 24)

    def test_the_same_seed_gives_the_same_text_whatever_torch_draws(self):
        texts = []
        for torch_seed in (1, 2):
            torch.manual_seed(torch_seed)
            texts.append(self.generate(SamplerProcessor(seed=4), [[5, 6]]).tolist())
        self.assertEqual(texts[0], texts[1])
        self.assertNotEqual(texts[0], self.generate(SamplerProcessor(seed=5), [[5, 6]]).tolist())

    def test_filters_of_generate_have_no_say(self):
        plain = self.generate(SamplerProcessor(seed=4), [[5, 6]], top_k=0).tolist()
        for options in ({"top_k": 1}, {"top_p": 0.1, "temperature": 0.1}, {"do_sample": False}, {"renormalize_logits": True}):
            self.assertEqual(self.generate(SamplerProcessor(seed=4), [[5, 6]], **options).tolist(), plain)

    def test_several_sequences_of_a_prompt(self):
        texts = self.generate(SamplerProcessor(seed=4, temperature=1.5), [[5, 6]], num_return_sequences=4).tolist()
        self.assertEqual(len({tuple(text) for text in texts}), 4)

    def test_the_example(self):
        import tokenizers
        import transformers
        words = {f"w{i}": i for i in range(60)}
        tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="w0"))
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
        with tempfile.TemporaryDirectory() as folder:
            transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="w0", eos_token="w1").save_pretrained(folder)
            self.model.save_pretrained(folder)
            program = subprocess.run([sys.executable, EXAMPLE, folder, "w5 w6 w7"], capture_output=True, text=True, check=True)
        texts = program.stdout.splitlines()
        self.assertEqual([text.split()[:3] for text in texts], [["w5", "w6", "w7"]] * 2)
        self.assertNotEqual(*texts)

    def test_left_padding(self):
        batch = self.generate(SamplerProcessor(seed=4, sample_index=0, pad_id=0, end_ids=[1], min_tokens=12), [[5, 6, 7, 8], [0, 0, 5, 6]])
        alone = self.generate(SamplerProcessor(seed=4, sample_index=0, end_ids=[1], min_tokens=12), [[5, 6]])
        # Position ids of padded prompts are generate's own; the model's logits agree to rounding, see above.
        self.assertEqual(batch[1, 4:].tolist(), alone[0, 2:].tolist())


if __name__ == "__main__":
    unittest.main(verbosity=2)
