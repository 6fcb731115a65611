#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From prompts to text through the installed package, with the bundled model."""
import os
import threading
import unittest
from unittest import mock

import fundamentallm
from support import MODELS, GeneratorTest


class Generator(GeneratorTest):
    def one(self, prompt="ROMEO:", **options):
        return self.generator.generate([prompt], **{"max_tokens": 12, "temperature": 0, **options})[0]

    def test_text(self):
        completion = self.one()
        self.assertEqual(completion.text, "\nWhat shall ")
        self.assertEqual((completion.prompt_tokens, completion.completion_tokens), (6, 12))
        sample = completion.samples[0]
        self.assertEqual((sample.finish_reason, sample.error, sample.logprobs), ("length", None, []))
        self.assertEqual(self.generator.decode(sample.tokens), sample.text)
        self.assertEqual(self.one(self.generator.encode("ROMEO:")).text, sample.text)
        self.assertAlmostEqual(sample.mean_logprob * 12, sample.sum_logprob)

    def test_what_a_prompt_shares_with_an_earlier_one(self):
        prompt = "When shall we three meet again? "
        self.assertEqual([self.one(prompt).cached_tokens for _ in range(2)], [0, 16])  # whole blocks but for the last token

    def test_many_prompts_have_the_text_each_has_alone(self):
        prompts = [f"{name}:" * (1 + i % 3) for i, name in enumerate(["ROMEO", "JULIET", "KING", "All"] * 8)]
        options = {"max_tokens": 15, "num_samples": 2, "seed": 3, "repetition_penalty": 1.2, "top_p": 0.9}
        together = self.generator.generate(prompts, **options)
        for i in (0, 5, 31):
            alone = self.generator.generate([prompts[i]], **options)[0]
            self.assertEqual([sample.tokens for sample in alone.samples], [sample.tokens for sample in together[i].samples])
        self.assertEqual(together[0].seed, 3)
        self.assertEqual(self.generator.generate([]), [])

    def test_speculation(self):
        prompt = "row row row your boat\nrow row"
        plain = self.one(prompt, temperature=1, seed=3, max_tokens=40)
        self.assertIsNone(plain.speculation)
        for more in ({"prompt_lookup": 3}, {"speculation": "coupled", "prompt_lookup": 2, "draft_tokens": 5}):
            found = self.one(prompt, temperature=1, seed=3, max_tokens=40, **more)
            self.assertEqual(found.text, plain.text)
            self.assertEqual(found.speculation.tokens, 40)
            self.assertLessEqual(found.speculation.accepted_tokens, found.speculation.drafted_tokens)
        self.assertGreater(self.generator.metrics["drafted_tokens"], 0)
        drafted = fundamentallm.Generator(MODELS / "shakespeare", device="cpu", threads=1, draft_model=MODELS / "shakespeare" / "draft")
        found = drafted.generate([prompt], temperature=1, seed=3, max_tokens=40, speculation="ratio", draft_tokens=3)[0]
        self.assertGreater(found.speculation.accepted_tokens, 0)
        self.assertGreater(found.speculation.tokens_per_step, 1)
        self.assertLessEqual(found.speculation.acceptance_rate, 1)
        self.assertLessEqual(found.speculation.mean_accepted_length, 3)
        found = self.one(prompt, max_tokens=40, choices=["a" * 30], draft_forced=True)
        self.assertEqual((found.text, found.speculation.accepted_tokens), ("a" * 30, found.speculation.drafted_tokens))
        self.assertGreater(found.speculation.accepted_tokens, 20)
        with self.assertRaisesRegex(ValueError, "draft_forced: given: needs a constraint"):
            self.one(draft_forced=True)
        with self.assertRaisesRegex(ValueError, "draft_model"):
            self.one(speculation="coupled")
        with self.assertRaisesRegex(ValueError, "draft_tokens: given without"):
            self.one(draft_tokens=3)
        with self.assertRaisesRegex(ValueError, "speculation: never: one of coupled, ratio is allowed"):
            self.one(speculation="never")

    def test_beam_search(self):
        found = self.one(temperature=1, beam_width=4, num_return=3, length_norm="power", length_penalty=1.0).samples
        self.assertEqual(len(found), 3)
        for sample in found:
            self.assertAlmostEqual(sum(sample.beam_logprobs), sample.beam_sum, places=4)
            self.assertAlmostEqual(sample.beam_sum / len(sample.tokens), sample.beam_score, places=5)
        self.assertEqual([sample.beam_score for sample in found], sorted((sample.beam_score for sample in found), reverse=True))
        self.assertEqual(self.one(beam_width=1).text, "\nWhat shall ")
        self.assertEqual("".join(self.generator.stream("ROMEO:", max_tokens=12, beam_width=4)), self.one(beam_width=4).text)
        self.assertIsNone(self.one().samples[0].beam_sum)
        with self.assertRaisesRegex(ValueError, "num_return: 2"):
            self.generator.stream("ROMEO:", beam_width=2, num_return=2)
        with self.assertRaisesRegex(ValueError, "num_return: given without beam_width"):
            self.one(num_return=2)
        with self.assertRaisesRegex(ValueError, "length_norm: best: one of gnmt, power, none"):
            self.one(beam_width=2, length_norm="best")

    def test_options(self):
        self.assertEqual(self.one(stop="shall").text, "\nWhat ")
        self.assertEqual(self.one(stop=["shall"], keep_stop=True).text, "\nWhat shall")
        self.assertEqual(self.one(stop=["shall"]).samples[0].finish_reason, "stop_string")
        self.assertTrue(self.one(prefix="\nO ").text.startswith("\nO "))
        self.assertNotIn("h", self.one(banned_text=["h"], max_tokens=40).text)
        self.assertEqual(self.generator.generate(["x"], choices=["ab"], max_tokens=1)[0].samples[0].finish_reason, "incomplete")
        dead_end = self.generator.generate(["x"], choices=["ab"], banned_text=["b"])[0].samples[0]
        self.assertEqual((dead_end.finish_reason, dead_end.tokens[1:]), ("dead_end", []))
        self.assertIn("every token is forbidden", dead_end.error)
        self.assertEqual(self.one(logit_bias={40: 100}, max_tokens=2).samples[0].tokens, [40, 40])
        self.assertEqual(len(self.one(num_samples=3).samples), 3)
        detail = self.one(logprobs=3).samples[0].logprobs[2]
        self.assertEqual((detail.rank, len(detail.top), detail.top[0]), (0, 3, detail.drawn))

    def test_streams(self):
        self.assertEqual("".join(self.generator.stream("ROMEO:", max_tokens=12, temperature=0)), "\nWhat shall ")
        stream = self.generator.stream("ROMEO:", max_tokens=200, min_tokens=200)
        self.assertTrue(next(stream))
        self.assertEqual(self.generator.metrics["running_rows"], 1)
        stream.close()
        self.assertEqual(self.generator.metrics["running_rows"], 0)
        self.assertEqual(self.generator.metrics["blocks_used"], 0)
        two = [self.generator.stream("ROMEO:", max_tokens=12, temperature=0) for _ in range(2)]
        self.assertEqual("".join(piece for pair in zip(*two) for piece in pair[:1]), "\nWhat shall ")

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "(?s)temperature.*min_p"):
            self.one(temperature=-1, min_p=2)
        with self.assertRaisesRegex(ValueError, "context of 256"):
            self.generator.generate(["A", "a" * 300])
        self.assertEqual(self.generator.metrics["running_rows"] + self.generator.metrics["queued_requests"], 0)
        for options, words in (({"top_k": "x"}, "top_k: 'x'"), ({"temprature": 1}, "temprature"), ({"stop": 3}, "stop: 3"),
                               ({"logit_bias": {"a": 1}}, "logit_bias"), ({"seed": -1}, "seed: -1")):
            with self.assertRaisesRegex(TypeError, words):
                self.one(**options)
        for prompts in ("ROMEO:", [3], [[0.5]]):
            with self.assertRaises(TypeError):
                self.generator.generate(prompts)
        with self.assertRaisesRegex(ValueError, "num_samples"):
            self.generator.stream("A", num_samples=2)
        with self.assertRaisesRegex(ValueError, "every token is forbidden"):
            list(self.generator.stream("A", banned_ids=list(range(69))))
        self.assertEqual(self.one(banned_ids=list(range(69))).samples[0].finish_reason, "dead_end")
        with self.assertRaises(FileNotFoundError):
            fundamentallm.Generator("no/such/model.pt")
        with self.assertRaisesRegex(ValueError, "prefill_tokens"):
            fundamentallm.Generator(MODELS / "shakespeare", device="cpu", prefill_tokens=3)
        with self.assertRaisesRegex(ValueError, "auto, fp32, fp16, bf16"):
            fundamentallm.Generator(MODELS / "shakespeare", device="cpu", dtype="int4")
        with self.assertRaises(MemoryError):
            fundamentallm.Generator(MODELS / "shakespeare", device="cpu", kv_memory=300000).generate(["A"], max_tokens=200)

    def test_an_exception_of_the_caller_cancels(self):
        class Steps:
            """The native generator, until a step is interrupted."""
            def __init__(self, native):
                self.native, self.left = native, 3

            def __getattr__(self, name):
                return getattr(self.native, name)

            def step(self):
                self.left -= 1
                if self.left == 0:
                    raise KeyboardInterrupt
                return self.native.step()

        with mock.patch.object(self.generator, "_native", Steps(self.generator._native)), self.assertRaises(KeyboardInterrupt):
            self.generator.generate(["A"] * 3, max_tokens=100, min_tokens=100)
        metrics = self.generator.metrics
        self.assertEqual((metrics["running_rows"], metrics["queued_requests"], metrics["blocks_used"]), (0, 0, 0))

    def test_threads_share_a_batch(self):
        found = [None] * 6

        def work(index):
            found[index] = self.one(max_tokens=30, seed=index, temperature=1).text if index % 2 else "".join(
                self.generator.stream("ROMEO:", max_tokens=30, seed=index))

        threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [self.one(max_tokens=30, seed=i, temperature=1).text for i in range(6)])

    def test_the_bundled_model(self):
        with mock.patch.dict(os.environ, {"FLLM_MODEL_DIR": str(MODELS)}):
            generator = fundamentallm.Generator(device="cpu", threads=1, max_rows=2)
        info = generator.info
        self.assertEqual((info["vocab_size"], info["architecture"], info["format"]), (69, "fundamentallm", "PyTorch checkpoint"))
        self.assertEqual((info["head_count"], info["kv_head_count"], info["chat_template"]), (info["kv_head_count"], info["head_count"], ""))
        self.assertEqual(info["model_width"] % info["head_count"], 0)
        self.assertEqual((info["ffn_width"], info["position_encoding"]), (4 * info["model_width"], "learned"))
        with mock.patch.dict(os.environ, {"FLLM_MODEL_DIR": "/nosuch"}), self.assertRaisesRegex(FileNotFoundError, "/nosuch"):
            fundamentallm.Generator()


class WithoutGenerator(unittest.TestCase):
    def test_it_says_so(self):
        with mock.patch.dict("sys.modules", {"fundamentallm._generator": None}), \
                self.assertRaisesRegex(fundamentallm.UnsupportedError, "FLLM_SAMPLER_ONLY=OFF"):
            fundamentallm.Generator("model.pt")


if __name__ == "__main__":
    unittest.main(verbosity=2)
