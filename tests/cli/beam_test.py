#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Beam search as a user asks for it: every flag of generate that concerns it, in text, JSONL and interactive."""
import json
import unittest

import support


class Beam(support.CommandLineTest):
    def search(self, *arguments, tokens="12"):
        """The hypotheses of a JSON run."""
        return self.sample("--max-tokens", tokens, *arguments)["samples"]

    def tokens(self, *arguments):
        return [sample["tokens"] for sample in self.search(*arguments)]

    def test_one_beam_is_greedy(self):
        greedy = self.generate("--prompt", "ROMEO:", "--temperature", "0", "--max-tokens", "40")
        self.assertEqual(self.generate("--prompt", "ROMEO:", "--beam-width", "1", "--max-tokens", "40"), greedy)

    def test_every_hypothesis_has_scores_and_logprobs(self):
        found = self.search("--beam-width", "5", "--num-return", "3")
        self.assertEqual([sample["index"] for sample in found], [0, 1, 2])
        scores = [sample["normalised_score"] for sample in found]
        self.assertEqual(scores, sorted(scores, reverse=True))
        for sample in found:
            self.assertEqual(sample["finish_reason"], "length")
            self.assertEqual([entry["id"] for entry in sample["logprobs"]], sample["tokens"])
            self.assertAlmostEqual(sum(entry["logprob"] for entry in sample["logprobs"]), sample["score"], places=4)
            norm = ((5 + len(sample["tokens"])) / 6) ** 0.6
            self.assertAlmostEqual(sample["score"] / norm, sample["normalised_score"], places=4)
            self.assertEqual("".join(entry["token"] for entry in sample["logprobs"]), sample["text"])
        self.assertEqual(len({tuple(sample["tokens"]) for sample in found}), 3)

    def test_a_wider_search_finds_a_likelier_text(self):
        best = [self.search("--beam-width", width)[0]["score"] for width in ("1", "4", "16")]
        self.assertLess(best[0], best[2])
        self.assertLessEqual(best[0], best[1])

    def test_length_norms(self):
        for norm, penalty, of in (("gnmt", "0.6", lambda n: ((5 + n) / 6) ** 0.6), ("power", "2", lambda n: n ** 2), ("none", "1", lambda n: 1)):
            for sample in self.search("--beam-width", "3", "--length-norm", norm, "--length-penalty", penalty, "--num-return", "3"):
                self.assertAlmostEqual(sample["score"] / of(len(sample["tokens"])), sample["normalised_score"], places=4)

    def test_stop_rules_end_searches(self):
        def ended(rule):
            return self.search("--beam-width", "3", "--num-return", "3", "--stop-tokens", "e", "--beam-stop", rule, tokens="40")
        first = ended("first-k")
        self.assertTrue(all(sample["finish_reason"] in ("stop_string", "eos") for sample in first))
        self.assertGreaterEqual(ended("exact")[0]["normalised_score"], first[0]["normalised_score"])
        self.assertEqual(ended("exact"), ended("never-early"))
        self.assertTrue(ended("heuristic"))

    def test_profiles_set_what_their_engines_do(self):
        for profile in ("hf", "ctranslate2"):
            found = self.search("--beam-width", "3", "--beam-profile", profile)
            self.assertAlmostEqual(found[0]["score"] / len(found[0]["tokens"]), found[0]["normalised_score"], places=4)

    def test_groups_differ(self):
        alike = self.tokens("--beam-width", "4", "--num-return", "4")
        apart = self.tokens("--beam-width", "4", "--num-return", "4", "--diversity-groups", "4", "--diversity-penalty", "5")
        self.assertGreater(len({sample[0] for sample in apart}), len({sample[0] for sample in alike}) - 1)
        self.assertNotEqual(alike, apart)

    def test_drawn_beams_follow_the_seed(self):
        def drawn(seed):
            return json.loads(self.generate("--prompt", "ROMEO:", "--seed", seed, "--beam-width", "4", "--beam-sample", "--temperature", "1.5", "--top-k", "8",
                                            "--max-tokens", "12", "--format", "jsonl"))["samples"]
        self.assertEqual(drawn("7"), drawn("7"))
        self.assertNotEqual(drawn("7"), drawn("8"))

    def test_edits_hold(self):
        found = self.search("--beam-width", "4", "--num-return", "4", "--prefix", "\nO ", "--ban", "th", "--ban-chars", "e,", "--min-tokens", "10",
                            "--repetition-penalty", "1.2", "--logit-bias", "40=1")
        for sample in found:
            self.assertTrue(sample["text"].startswith("\nO "))
            self.assertNotIn("th", sample["text"])
            self.assertNotIn("e", sample["text"])
            self.assertGreaterEqual(len(sample["tokens"]), 10)

    def test_stop_strings_are_cut(self):
        cut = self.search("--beam-width", "3", "--stop-tokens", "I ", tokens="40")[0]
        kept = self.search("--beam-width", "3", "--stop-tokens", "I ", "--keep-stop", tokens="40")[0]
        self.assertEqual(cut["finish_reason"], "stop_string")
        self.assertEqual(cut["text"] + "I ", kept["text"])

    def test_text_and_stream(self):
        text = self.generate("--prompt", "ROMEO:", "--beam-width", "4", "--max-tokens", "20")
        self.assertEqual(self.generate("--prompt", "ROMEO:", "--beam-width", "4", "--max-tokens", "20", "--stream"), text)
        both = self.generate("--prompt", "ROMEO:", "--beam-width", "4", "--max-tokens", "20", "--num-return", "2")
        self.assertTrue(both.startswith(text))

    def test_batches_mix_searches_and_draws(self):
        lines = [{"prompt": "ROMEO:", "beam-width": 3, "num-return": 2}, {"prompt": "JULIET:", "seed": 1}, {"prompt": "KING:", "beam_width": 5, "length_norm": "power"},
                 {"prompt": "A", "num-return": 2}]
        path = self.file("in.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
        process = support.run("generate", "--device", "cpu", "--input", path, "--max-tokens", "9")
        self.assertEqual(process.returncode, 1)
        records = [json.loads(line) for line in process.stdout.splitlines()]
        self.assertEqual([len(record.get("samples", [])) for record in records], [2, 1, 1, 0])
        alone = self.sample("--beam-width", "3", "--num-return", "2", "--max-tokens", "9")
        self.assertEqual(records[0]["samples"], alone["samples"])
        self.assertIn("num-return: given without beam-width", records[3]["error"]["message"])

    def test_interactive(self):
        shown = self.ok("interactive", "--device", "cpu", "--beam-width", "3", "--max-tokens", "10", stdin=b"ROMEO:\n/show\n/set beam-width=2\nROMEO:\n")
        wanted = self.search("--beam-width", "3", tokens="10")[0]["text"]
        self.assertIn(wanted.strip("\n").split("\n")[0], shown)

    def test_what_cannot_be_is_refused_by_name(self):
        self.refuses(2, ["--beam-width: 0", "[1, 1024]"], "generate", "--prompt", "A", "--beam-width", "0")
        self.refuses(2, ["--num-return: 4", "--beam-width], 3"], "generate", "--prompt", "A", "--beam-width", "3", "--num-return", "4")
        self.refuses(2, ["--temperature: 0.7", "--beam-sample", "--top-k: 9"], "generate", "--prompt", "A", "--beam-width", "3", "--temperature", "0.7", "--top-k", "9")
        self.refuses(2, ["--penalty-window: 5"], "generate", "--prompt", "A", "--beam-width", "3", "--penalty-window", "5")
        self.refuses(2, ["--num-samples: 2", "--num-return"], "generate", "--prompt", "A", "--beam-width", "3", "--num-samples", "2")
        self.refuses(2, ["--length-norm", "'best'", "gnmt"], "generate", "--prompt", "A", "--beam-width", "3", "--length-norm", "best")
        self.refuses(2, ["--length-penalty: given without --beam-width"], "generate", "--prompt", "A", "--length-penalty", "1")
        self.refuses(2, ["--diversity-groups: 3", "must divide"], "generate", "--prompt", "A", "--beam-width", "4", "--diversity-groups", "3")


if __name__ == "__main__":
    unittest.main()
