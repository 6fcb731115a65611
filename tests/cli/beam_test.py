#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Beam search as a user asks for it: every flag of generate that concerns it, in text, JSONL and interactive."""
import json
import unittest

import support


# Searches that are lines of one batch: a process each would take most of the time.
NORMS = {"gnmt": (0.6, lambda n: ((5 + n) / 6) ** 0.6), "power": (2, lambda n: n ** 2), "none": (1, lambda n: 1)}
RULES = ("first-k", "exact", "never-early", "heuristic")
APART = {"diversity-groups": 4, "diversity-penalty": 5}
DRAWN = {"beam-width": 4, "beam-sample": True, "temperature": 1.5, "top-k": 8}
LINES = {
    **{f"width {width}": {"beam-width": width} for width in (1, 4, 16)},
    **{norm: {"beam-width": 3, "num-return": 3, "length-norm": norm, "length-penalty": penalty} for norm, (penalty, _) in NORMS.items()},
    **{rule: {"beam-width": 3, "num-return": 3, "stop-tokens": ["e"], "beam-stop": rule, "max-tokens": 40} for rule in RULES},
    **{profile: {"beam-width": 3, "beam-profile": profile} for profile in ("hf", "ctranslate2")},
    "alike": {"beam-width": 4, "num-return": 4},
    "apart": {"beam-width": 4, "num-return": 4, **APART},
    **{name: {**DRAWN, "seed": seed} for name, seed in (("drawn", 7), ("drawn again", 7), ("drawn otherwise", 8))},
    "cut": {"beam-width": 3, "stop-tokens": ["I "], "max-tokens": 40},
    "kept": {"beam-width": 3, "stop-tokens": ["I "], "max-tokens": 40, "keep-stop": True},
    "interactive": {"beam-width": 3, "max-tokens": 10},
}


class Beam(support.CommandLineTest):
    @classmethod
    def setUpClass(cls):
        lines = "".join(json.dumps({"id": name, "prompt": "ROMEO:", **line}) + "\n" for name, line in LINES.items())
        process = support.run("generate", "--device", "cpu", "--input", "-", "--max-tokens", "12", stdin=lines.encode())
        records = [json.loads(line) for line in process.stdout.splitlines()]
        assert process.returncode == 0 and len(records) == len(LINES), (process.stderr, process.stdout)
        cls.found = {record["id"]: record["samples"] for record in records}

    def tokens(self, name):
        return [sample["tokens"] for sample in self.found[name]]

    def test_one_beam_is_greedy(self):
        greedy = self.generate("--prompt", "ROMEO:", "--temperature", "0", "--max-tokens", "12")
        self.assertEqual("ROMEO:" + self.found["width 1"][0]["text"] + "\n", greedy)

    def test_every_hypothesis_has_scores_and_logprobs(self):
        found = self.sample("--max-tokens", "12", "--beam-width", "5", "--num-return", "3")["samples"]
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
        best = [self.found[f"width {width}"][0]["score"] for width in (1, 4, 16)]
        self.assertLess(best[0], best[2])
        self.assertLessEqual(best[0], best[1])

    def test_length_norms(self):
        for name, (_, norm) in NORMS.items():
            for sample in self.found[name]:
                self.assertAlmostEqual(sample["score"] / norm(len(sample["tokens"])), sample["normalised_score"], places=4)

    def test_stop_rules_end_searches(self):
        first, exact, never_early, heuristic = (self.found[rule] for rule in RULES)
        self.assertTrue(all(sample["finish_reason"] in ("stop_string", "eos") for sample in first))
        self.assertGreaterEqual(exact[0]["normalised_score"], first[0]["normalised_score"])
        self.assertEqual(exact, never_early)
        self.assertTrue(heuristic)

    def test_profiles_set_what_their_engines_do(self):
        for profile in ("hf", "ctranslate2"):
            found = self.found[profile]
            self.assertAlmostEqual(found[0]["score"] / len(found[0]["tokens"]), found[0]["normalised_score"], places=4)

    def test_groups_differ(self):
        alike, apart = self.tokens("alike"), self.tokens("apart")
        self.assertGreater(len({sample[0] for sample in apart}), len({sample[0] for sample in alike}) - 1)
        self.assertNotEqual(alike, apart)

    def test_drawn_beams_follow_the_seed(self):
        self.assertEqual(self.found["drawn"], self.found["drawn again"])
        self.assertNotEqual(self.found["drawn"], self.found["drawn otherwise"])

    def test_edits_hold(self):
        found = self.sample("--beam-width", "4", "--num-return", "4", "--prefix", "\nO ", "--ban", "th", "--ban-chars", "e,", "--min-tokens", "10", "--max-tokens", "12",
                            "--repetition-penalty", "1.2", "--logit-bias", "40=1", "--length-norm", "power", "--length-penalty", "1.5", "--beam-stop", "heuristic",
                            "--diversity-groups", "2", "--diversity-penalty", "0.5")["samples"]
        for sample in found:
            self.assertTrue(sample["text"].startswith("\nO "))
            self.assertNotIn("th", sample["text"])
            self.assertNotIn("e", sample["text"])
            self.assertGreaterEqual(len(sample["tokens"]), 10)
            self.assertAlmostEqual(sample["score"] / len(sample["tokens"]) ** 1.5, sample["normalised_score"], places=4)

    def test_drawn_beams_as_flags(self):
        self.assertEqual(self.sample("--beam-width", "4", "--beam-sample", "--temperature", "1.5", "--top-k", "8", "--max-tokens", "12")["samples"], self.found["drawn"])

    def test_stop_strings_are_cut(self):
        cut, kept = self.found["cut"][0], self.found["kept"][0]
        self.assertEqual(cut["finish_reason"], "stop_string")
        self.assertEqual(cut["text"] + "I ", kept["text"])

    def test_text_and_stream(self):
        text = self.generate("--prompt", "ROMEO:", "--beam-width", "4", "--max-tokens", "20", "--beam-profile", "hf")
        self.assertEqual(self.generate("--prompt", "ROMEO:", "--beam-width", "4", "--max-tokens", "20", "--beam-profile", "hf", "--stream"), text)

    def test_batches_mix_searches_and_draws(self):
        lines = [{"prompt": "ROMEO:", "beam-width": 4, "num-return": 4}, {"prompt": "JULIET:", "seed": 1}, {"prompt": "KING:", "beam_width": 5, "length_norm": "power"},
                 {"prompt": "A", "num-return": 2}]
        path = self.file("in.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
        process = support.run("generate", "--device", "cpu", "--input", path, "--max-tokens", "12")
        self.assertEqual(process.returncode, 1)
        records = [json.loads(line) for line in process.stdout.splitlines()]
        self.assertEqual([len(record.get("samples", [])) for record in records], [4, 1, 1, 0])
        self.assertEqual(records[0]["samples"], self.found["alike"])
        self.assertIn("num-return: given without beam-width", records[3]["error"]["message"])

    def test_interactive(self):
        shown = self.ok("interactive", "--device", "cpu", "--beam-width", "3", "--max-tokens", "10", stdin=b"ROMEO:\n/show\n/set beam-width=2\nROMEO:\n")
        self.assertIn(self.found["interactive"][0]["text"].strip("\n").split("\n")[0], shown)

    def test_what_cannot_be_is_refused_by_name(self):
        self.refuses(2, ["--beam-width: 0", "[1, 1024]"], "generate", "--prompt", "A", "--beam-width", "0")
        self.refuses(2, ["--num-return: 4", "--beam-width], 3", "--temperature: 0.7", "--beam-sample", "--top-k: 9", "--penalty-window: 5", "--num-samples: 2",
                         "--diversity-groups: 2", "must divide"],
                     "generate", "--prompt", "A", "--beam-width", "3", "--num-return", "4", "--temperature", "0.7", "--top-k", "9", "--penalty-window", "5",
                     "--num-samples", "2", "--diversity-groups", "2")
        self.refuses(2, ["--length-norm", "'best'", "gnmt"], "generate", "--prompt", "A", "--beam-width", "3", "--length-norm", "best")
        self.refuses(2, ["--length-penalty: given without --beam-width"], "generate", "--prompt", "A", "--length-penalty", "1")


if __name__ == "__main__":
    unittest.main()
