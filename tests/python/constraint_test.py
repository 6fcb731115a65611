#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Constraints of the caller's own, and those of other grammar engines, whose masks are held against the library's."""
import random
import signal
import unittest

import support

from fundamentallm import grammars


class Letters:
    """So many of two letters, then an end; with a mistake behind two of them, if it is told to make one."""

    def __init__(self, tokens, most=5, fails=None, taken=0):
        self.tokens, self.most, self.fails, self.taken = tokens, most, fails, taken
        self.seen = []

    def fill_mask(self, mask):
        if self.fails == "fill_mask" and self.taken == 2:
            raise RuntimeError("out of letters")
        self.seen.append(mask)
        if self.taken < self.most:
            for token in self.tokens:
                mask[token // 32] |= 1 << token % 32
        if self.fails == "too much":
            for word in range(len(mask)):
                mask[word] = 0xFFFFFFFF

    def advance(self, token):
        if self.fails == "advance" and self.taken == 2:
            return False
        self.taken += 1
        return True

    def rollback(self, count):
        self.taken -= count

    def fork(self):
        return Letters(self.tokens, self.most, self.fails, self.taken)

    def may_end(self):
        return 1 / 0 if self.fails == "may_end" and self.taken == 2 else self.taken >= self.most


class Raising(Letters):
    """Raises this when something is drawn; None: SIGINT comes then."""

    def __init__(self, fault):
        super().__init__(range(64))
        self.fault = fault

    def advance(self, token):
        if self.fault is not None:
            raise self.fault
        signal.raise_signal(signal.SIGINT)
        return True

    def fork(self):
        return Raising(self.fault)


class Constraints(support.GeneratorTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.letters = cls.generator.encode("ab")

    def samples(self, **options):
        return self.generator.generate(["ROMEO:"], **{"max_tokens": 60, "seed": 1, **options})[0].samples

    def test_the_vocabulary(self):
        texts = self.generator.token_bytes
        self.assertEqual(len(texts), self.generator.info["vocab_size"])
        self.assertEqual([texts[token] for token in self.letters], [b"a", b"b"])
        self.assertTrue(self.generator.end_ids)
        self.assertFalse(any(texts[token] for token in self.generator.end_ids))

    def test_a_class_of_ones_own(self):
        constraint = Letters(self.letters)
        samples = self.samples(constraint=constraint, num_samples=8)
        for sample in samples:
            self.assertRegex(sample.text, "^[ab]{5}$")
            self.assertEqual((sample.finish_reason, sample.error), ("eos", None))
        self.assertGreater(len({sample.text for sample in samples}), 1)
        self.assertEqual((constraint.taken, constraint.seen), (0, []), "only forks go on")
        self.assertEqual(samples[0].text, self.samples(regex="[ab]{5}")[0].text, "the same masks give the same draws")
        self.assertEqual("".join(self.generator.stream("x", constraint=Letters(self.letters, 3), prefix="ba"))[:2], "ba")

    def test_it_stands_beside_others_and_other_settings(self):
        prompts = [self.generator._submit("ROMEO:", {"constraint": Letters(self.letters), "seed": 1}),
                   self.generator._submit("ROMEO:", {"seed": 1, "max_tokens": 9, "temperature": 0})]
        for request in prompts:
            while not self.generator._native.finished(request):
                self.generator._native.step()
        texts = [self.generator._native.take(request)["samples"][0]["text"] for request in prompts]
        self.assertRegex(texts[0], "^[ab]{5}$")
        self.assertEqual(texts[1], self.samples(max_tokens=9, temperature=0)[0].text)
        for sample in self.samples(constraint=Letters(self.letters, 9), num_samples=4, banned_text="ab", banned_ids=[self.letters[1]]):
            self.assertEqual(sample.text, "a" * 9)
        self.assertEqual(self.samples(constraint=Letters(self.letters[:1], 9), stop="aa")[0].finish_reason, "stop_string")

    def test_faults_end_their_own_sample(self):
        for fails, said in (("fill_mask", "RuntimeError: out of letters"), ("advance", "is refused"), ("may_end", "ZeroDivisionError")):
            sample = self.samples(constraint=Letters(self.letters, fails=fails))[0]
            self.assertEqual(sample.finish_reason, "error", fails)
            self.assertIn(said, sample.error)
            self.assertRegex(sample.text, "^[ab]{2,3}$")
        allowed = self.samples(constraint=Letters(self.letters, fails="too much"))[0]
        self.assertEqual(allowed.error, None)

    def test_texts_of_exceptions_may_be_anything(self):
        class Unspeakable(Exception):
            def __str__(self):
                raise ValueError("no text")

        for fault, text in ((ValueError("bad \ud800"), "bad \\ud800"), (Unspeakable(), "Unspeakable: (no text"), (ValueError("a\0b"), "ValueError: a")):
            constraint = Letters(self.letters)
            constraint.fork = lambda fault=fault: Raising(fault)
            sample = self.samples(constraint=constraint)[0]
            self.assertEqual(sample.finish_reason, "error")
            self.assertIn(text, sample.error)

        class Odd:
            def __repr__(self):
                return "\ud800"

        for options in ({"max_tokens": Odd()}, {"logit_bias": {Odd(): Odd()}}, {"\ud800": 1}):
            with self.assertRaisesRegex(TypeError, r"max_tokens: \\ud800: must be|logit_bias: .*must be|\\ud800: there is no such option"):
                self.samples(**options)
        with self.assertRaisesRegex(TypeError, r"prompt: \[\\ud800\]: must be"):
            self.generator.generate([[Odd()]])

    def test_an_interrupt_in_a_constraint_is_the_callers(self):
        # Whoever starts the tests in the background may have had it ignored.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        constraint = Letters(self.letters)
        constraint.fork = lambda: Raising(None)
        with self.assertRaises(KeyboardInterrupt):
            self.samples(constraint=constraint)
        self.assertEqual(self.generator.metrics["running_rows"], 0)
        self.assertEqual(len(self.samples(constraint=Letters(self.letters))[0].text), 5)

    def test_what_is_no_constraint_is_refused(self):
        for wrong in (3, object(), {"regex": "a"}):
            with self.assertRaisesRegex(TypeError, "constraint: .*has no method fill_mask"):
                self.samples(constraint=wrong)
        with self.assertRaisesRegex(ValueError, "only one of them"):
            self.samples(constraint=Letters(self.letters), json=True)
        with self.assertRaisesRegex(ValueError, "beam"):
            self.samples(constraint=Letters(self.letters), beam_width=2)
        with self.assertRaisesRegex(ValueError, "turns: given without speakers"):
            self.samples(turns=3)
        for empty in ("choices", "speakers"):
            with self.assertRaisesRegex(ValueError, f"{empty}: (0|none): "):
                self.samples(**{empty: []})
        broken = Letters(self.letters, fails="fill_mask", taken=2)
        with self.assertRaisesRegex(ValueError, "constraint: .*out of letters"):
            self.samples(constraint=broken)

    def test_a_dialogue(self):
        text = self.samples(speakers=["A", "B"], turns=2, max_tokens=900)[0].text
        self.assertRegex(text, r"\AA: [^\n]+\nB: [^\n]+\n\Z")


PATTERNS = [r"[a-c]{2,4}x?", r"(yea|nay|never)", r"([A-Z][a-z]+ ){1,2}[A-Z]", r"[^a-y\n]{3}", r"(a|b)*abb", r"e(le)*( the)?"]


class OtherEngines(support.GeneratorTest):
    def agree(self, make):
        """Texts under make(pattern) are those of the library's own regex, draw for draw, which equal masks alone give."""
        for pattern in PATTERNS:
            options = {"max_tokens": 40, "seed": 5, "num_samples": 8, "temperature": 1.5, "logprobs": 8}
            ours = self.generator.generate(["x"], regex=pattern, **options)[0].samples
            theirs = self.generator.generate(["x"], constraint=make(pattern), **options)[0].samples
            self.assertEqual([(sample.text, sample.finish_reason, sample.error) for sample in theirs],
                             [(sample.text, sample.finish_reason, None) for sample in ours], pattern)
            for a, b in zip(ours, theirs):
                self.assertEqual(a.logprobs, b.logprobs, pattern)

    def rolls_back(self, constraint):
        """After taking tokens back, and in a fork, the masks are as before."""
        rng = random.Random(2)
        words = (self.generator.info["vocab_size"] + 31) // 32

        def mask_of(one):
            mask = memoryview(bytearray(4 * words)).cast("I")
            one.fill_mask(mask)
            return list(mask)

        before = [mask_of(constraint)]
        for _ in range(3):
            mask = before[-1]
            allowed = [token for token, text in enumerate(self.generator.token_bytes) if text and mask[token // 32] >> token % 32 & 1]
            self.assertTrue(constraint.advance(rng.choice(allowed)))
            before.append(mask_of(constraint))
        fork = constraint.fork()
        constraint.rollback(2)
        self.assertEqual(mask_of(constraint), before[1])
        self.assertEqual(mask_of(fork), before[3])
        forbidden = next(token for token, text in enumerate(self.generator.token_bytes) if text and not before[3][token // 32] >> token % 32 & 1)
        self.assertFalse(fork.advance(forbidden))
        self.assertEqual(mask_of(fork), before[3])

    def test_xgrammar(self):
        support.require("torch")  # and transformers: xgrammar imports both
        xgrammar = support.require("xgrammar")
        compiler = xgrammar.GrammarCompiler(grammars.xgrammar_tokenizer(self.generator))
        self.agree(lambda pattern: grammars.XGrammar(compiler.compile_regex(pattern)))
        self.rolls_back(grammars.XGrammar(compiler.compile_regex("[a-m]{5,9}")))
        grammar = compiler.compile_grammar('root ::= "(" root ")" | "o"')  # which no regular expression says
        for sample in self.generator.generate(["x"], constraint=grammars.XGrammar(grammar), num_samples=8, seed=3)[0].samples:
            self.assertEqual(sample.text.count("("), sample.text.count(")") + (sample.finish_reason == "length"), sample)

    def test_llguidance(self):
        llguidance = support.require("llguidance")
        tokenizer = grammars.llguidance_tokenizer(self.generator)
        matcher = llguidance.LLMatcher
        self.agree(lambda pattern: grammars.LLGuidance(tokenizer, matcher.grammar_from_regex(pattern)))
        self.rolls_back(grammars.LLGuidance(tokenizer, matcher.grammar_from_regex("[a-m]{5,9}")))
        with self.assertRaisesRegex(ValueError, "llguidance"):
            grammars.LLGuidance(tokenizer, matcher.grammar_from_regex("("))


if __name__ == "__main__":
    unittest.main()
