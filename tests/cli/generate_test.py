#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every flag of generate changes what it says it changes."""
import json
import math
import os
import unittest

import support


class Generate(support.CommandLineTest):
    def tokens(self, *arguments):
        return self.sample(*arguments)["samples"][0]["tokens"]

    def text(self, *arguments):
        return self.sample(*arguments)["samples"][0]["text"]

    def test_bundled_model_is_the_default(self):
        self.assertEqual(self.generate("--prompt", "ROMEO:", "--seed", "7"), self.generate(support.MODEL, "--prompt", "ROMEO:", "--seed", "7"))
        self.assertEqual(self.generate("--prompt", "ROMEO:", "--seed", "7"),
                         self.generate(os.path.dirname(support.MODEL), "--prompt", "ROMEO:", "--seed", "7"))

    def test_ways_to_give_a_prompt(self):
        wanted = self.generate("--prompt", "ROMEO:", "--seed", "7", "--max-tokens", "20")
        path = self.file("prompt.txt", b"ROMEO:")
        self.assertEqual(self.generate("--prompt-file", path, "--seed", "7", "--max-tokens", "20"), wanted)
        self.assertEqual(self.generate("--prompt", "-", "--seed", "7", "--max-tokens", "20", stdin=b"ROMEO:"), wanted)
        self.assertEqual(self.generate("--prompt-file", "-", "--seed", "7", "--max-tokens", "20", stdin=b"ROMEO:"), wanted)

    def test_a_seed_fixes_the_text_on_any_thread_count_and_instruction_set(self):
        wanted = self.generate("--prompt", "ROMEO:", "--seed", "7")
        for threads in ("1", "2", "3"):
            self.assertEqual(self.generate("--prompt", "ROMEO:", "--seed", "7", "--threads", threads), wanted)
        for isa in os.environ["FLLM_ISAS"].split(","):
            self.assertEqual(self.generate("--prompt", "ROMEO:", "--seed", "7", environment={"FLLM_ISA": isa}), wanted, isa)
        self.assertNotEqual(self.generate("--prompt", "ROMEO:", "--seed", "8"), wanted)

    def test_a_random_seed_is_shown_and_can_be_used_again(self):
        record = json.loads(self.generate("--prompt", "ROMEO:", "--format", "jsonl"))
        again = json.loads(self.generate("--prompt", "ROMEO:", "--format", "jsonl", "--seed", str(record["seed"])))
        self.assertEqual(again["samples"], record["samples"])
        process = support.run("generate", "--prompt", "A", "--max-tokens", "1", "--verbose", "--seed", "123456789", "--device", "cpu")
        self.assertIn(b"123456789", process.stderr)

    def test_greedy_ignores_the_seed(self):
        greedy = self.tokens("--temperature", "0")
        other = json.loads(self.generate("--prompt", "ROMEO:", "--temperature", "0", "--seed", "8", "--format", "jsonl"))
        self.assertEqual(other["samples"][0]["tokens"], greedy)
        self.assertEqual(self.tokens("--top-k", "1"), greedy)
        self.assertEqual(self.tokens("--top-p", "0"), greedy)
        self.assertEqual(self.tokens("--min-p", "1"), greedy)
        self.assertNotEqual(self.tokens("--temperature", "2", "--top-p", "1", "--top-k", "0"), greedy)

    def test_filters_keep_what_they_say(self):
        for detail in self.sample("--top-k", "3", "--top-p", "1", "--logprobs", "0")["samples"][0]["logprobs"]:
            self.assertLess(detail["rank"], 3)
        for detail in self.sample("--min-p", "0.2", "--top-k", "0", "--top-p", "1", "--temperature", "1", "--logprobs", "1")["samples"][0]["logprobs"]:
            self.assertGreaterEqual(detail["logprob"], detail["top"][0]["logprob"] + math.log(0.2) - 1e-5)

    def test_presets_and_flags_that_override_them(self):
        flags = {"default": ("0.8", "50", "0.9", "1"), "creative": ("1", "0", "0.95", "1.1"), "factual": ("0.5", "20", "0.85", "1"),
                 "diverse": ("1.2", "0", "0.95", "1.3")}
        for name, (temperature, top_k, top_p, repetition) in flags.items():
            self.assertEqual(self.tokens("--preset", name),
                             self.tokens("--temperature", temperature, "--top-k", top_k, "--top-p", top_p, "--repetition-penalty", repetition), name)
        self.assertEqual(self.tokens("--preset", "diverse", "--temperature", "0", "--repetition-penalty", "1"), self.tokens("--temperature", "0"))
        self.assertEqual(self.tokens(), self.tokens("--preset", "default"))

    def test_penalties_and_bias(self):
        def repeats(*arguments):
            tokens = self.tokens("--temperature", "0", "--max-tokens", "100", *arguments)
            return len(tokens) - len(set(tokens))

        plain = repeats()
        for flag in (("--repetition-penalty", "5"), ("--frequency-penalty", "2"), ("--presence-penalty", "2")):
            self.assertLess(repeats(*flag), plain, flag)
        self.assertNotEqual(self.tokens("--temperature", "0", "--repetition-penalty", "5", "--penalty-window", "3"),
                            self.tokens("--temperature", "0", "--repetition-penalty", "5"))
        self.assertEqual(set(self.tokens("--logit-bias", "40=100", "--max-tokens", "5")), {40})
        self.assertEqual(set(self.tokens("--logit-bias", "40=100", "41=200", "--max-tokens", "5")), {41})

    def test_samples(self):
        record = self.sample("--num-samples", "4", "--max-tokens", "30")
        texts = [sample["text"] for sample in record["samples"]]
        self.assertEqual(len(set(texts)), 4)
        self.assertEqual(self.sample("--num-samples", "2", "--max-tokens", "30")["samples"], record["samples"][:2])
        for rule, key in (("mean-logprob", "mean_logprob"), ("sum-logprob", "sum_logprob")):
            best = self.sample("--num-samples", "4", "--max-tokens", "30", "--pick-best", rule)["samples"]
            self.assertEqual(len(best), 1)
            score = {i: s["mean_logprob"] * (len(s["tokens"]) if key == "sum_logprob" else 1) for i, s in enumerate(record["samples"])}
            self.assertEqual(best[0]["text"], texts[max(score, key=score.get)])
        self.assertEqual(self.sample("--num-samples", "4", "--max-tokens", "30", "--pick-best")["samples"],
                         self.sample("--num-samples", "4", "--max-tokens", "30", "--pick-best", "mean-logprob")["samples"])
        parts = self.generate("--prompt", "ROMEO:", "--seed", "7", "--num-samples", "2", "--max-tokens", "30")
        self.assertEqual(parts, f"ROMEO:{texts[0]}\n\nROMEO:{texts[1]}\n")

    def test_lengths(self):
        self.assertEqual(len(self.tokens("--max-tokens", "9")), 9)
        self.assertEqual(len(self.tokens("--max-length", "10")), 4)
        self.assertEqual(len(self.tokens("--max-length", "10", "--max-tokens", "3")), 3)
        self.assertEqual(len(self.tokens("--max-length", "10", "--max-tokens", "90")), 4)
        biased = ("--logit-bias", "3=100", "--temperature", "0")
        self.assertEqual(self.tokens(*biased), [3])
        self.assertEqual(len(self.tokens(*biased, "--min-tokens", "5")), 6)
        self.assertEqual(len(self.tokens(*biased, "--min-length", "10")), 5)
        record = self.sample("--min-tokens", "249", "--max-tokens", "1000")["samples"][0]
        self.assertEqual((record["finish_reason"], len(record["tokens"])), ("context", 250))

    def test_stops(self):
        whole = self.text("--max-tokens", "120")
        first = min(whole.index(c) for c in ".!?" if c in whole)
        self.assertEqual(self.text("--max-tokens", "120", "--stop-tokens", ".", "!", "?"), whole[:first])
        self.assertEqual(self.text("--max-tokens", "120", "--stop-tokens", ".", "!", "?", "--keep-stop"), whole[:first + 1])
        word = whole.split()[3]
        self.assertEqual(self.text("--max-tokens", "120", "--stop-tokens", word), whole[:whole.index(word)])
        tokens = self.tokens("--max-tokens", "120")
        stopped = self.sample("--max-tokens", "120", "--stop-token-ids", str(tokens[5]))["samples"][0]
        self.assertEqual(stopped["tokens"], tokens[:tokens.index(tokens[5]) + 1])
        self.assertEqual(stopped["finish_reason"], "stop_token")

    def test_control(self):
        self.assertTrue(self.text("--prefix", " What light").startswith(" What light"))
        self.assertFalse(set(self.text("--ban-chars", "eEtT.,", "--max-tokens", "150")) & set("eEtT.,"))
        self.assertNotIn("th", self.text("--ban", "th", "the", "--max-tokens", "150"))
        tokens = self.tokens()
        self.assertNotIn(tokens[2], self.tokens("--ban-token-ids", str(tokens[2]), "--max-tokens", "100"))

    def test_outputs(self):
        text = self.text("--max-tokens", "20")
        arguments = ("--prompt", "ROMEO:", "--seed", "7", "--max-tokens", "20")
        self.assertEqual(self.generate(*arguments), f"ROMEO:{text}\n")
        self.assertEqual(self.generate(*arguments, "--echo"), f"ROMEO:{text}\n")
        self.assertEqual(self.generate(*arguments, "--no-echo"), f"{text}\n")
        self.assertEqual(self.generate(*arguments, "--stream"), f"ROMEO:{text}\n")
        self.assertEqual(self.generate(*arguments, "--no-stream"), f"ROMEO:{text}\n")
        path = os.path.join(self.folder, "out.txt")
        self.assertEqual(self.generate(*arguments, "--output-file", path), "")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), f"ROMEO:{text}\n")
        self.assertEqual(self.generate(*arguments, "--output-file", "-", "--stream"), f"ROMEO:{text}\n")
        self.assertEqual(support.run("generate", *arguments, "--quiet", "--device", "auto").stderr, b"")

    def test_json_record(self):
        record = self.sample("--max-tokens", "5", "--logprobs", "2")
        self.assertEqual(sorted(record), ["id", "prompt", "samples", "seed", "timing", "usage"])
        self.assertEqual((record["prompt"], record["seed"]), ("ROMEO:", 7))
        self.assertEqual(record["usage"], {"prompt_tokens": 6, "completion_tokens": 5, "cached_tokens": 0})
        sample = record["samples"][0]
        self.assertEqual(len(sample["logprobs"]), 5)
        mean = sum(detail["logprob"] for detail in sample["logprobs"]) / 5
        self.assertAlmostEqual(sample["mean_logprob"], mean, places=6)
        for detail in sample["logprobs"]:
            self.assertEqual(len(detail["top"]), 2)
            self.assertGreaterEqual(detail["top"][0]["logprob"], detail["top"][1]["logprob"])

    def test_a_long_prompt_can_be_truncated(self):
        record = json.loads(self.generate("--prompt", "a" * 300 + "ROMEO:", "--truncate-prompt", "--max-tokens", "3", "--format", "jsonl"))
        self.assertEqual(len(record["samples"][0]["tokens"]), 3)


if __name__ == "__main__":
    unittest.main()
