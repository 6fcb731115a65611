#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Texts drawn at random under each source of a constraint, held against Python's own judges (re, json, and jsonschema where it is
there): those that end are whole, those that are cut can be gone on with. FLLM_CONSTRAINT_TEXTS: how many of each (default 100)."""
import datetime
import json
import os
import re
import unittest

import support
import tiny_chat_model

COUNT = int(os.environ.get("FLLM_CONSTRAINT_TEXTS", "100"))
SAMPLES = 500  # of one request
FAULTS = ("error", "dead_end", "cancelled", "stop_string")
CHOICES = ["yea", "nay", "never say \"never\"", "ye"]
REGEXES = [r"[A-Z][a-z]{2,8}(, [A-Z][a-z]+){0,3}[.!?]", r"(?:-?\d{1,4}|[a-f]+x?|~[^ -}]{0,2})(?: \w+)*", r"(?:\.|[^a-z\s]\S{0,5}){2,4}"]
SCHEMAS = [
    {"type": "object", "properties": {"z": {"type": "integer", "minimum": -5, "maximum": 120}, "a": {"type": ["null", "boolean"]},
                                      "k": {"enum": ["x", "\"y"]}, "when": {"format": "date-time"}}, "required": ["z", "k"]},
    {"type": "array", "prefixItems": [{"type": "number", "exclusiveMinimum": 0, "maximum": 9}, {"type": "string", "maxLength": 3}],
     "items": {"type": "string", "pattern": "^[a-c]+$", "minLength": 2, "maxLength": 4}, "minItems": 1, "maxItems": 4},
    {"$defs": {"tree": {"type": "object", "properties": {"v": {"type": "boolean"}, "next": {"$ref": "#/$defs/tree"}}, "required": ["v"],
                        "additionalProperties": False}}, "$ref": "#/$defs/tree"},
    {"oneOf": [{"type": "string", "format": name} for name in ["uuid"]] +
     [{"type": "object", "properties": {"t": {"const": name}, "v": {"type": "string", "format": name}}, "required": ["t", "v"]}
      for name in ["date", "time", "email", "ipv4"]]},
    {"type": ["string", "integer"], "anyOf": [{"minLength": 1, "maxLength": 2}, {"type": "integer", "maximum": -1000}]},
    {"type": "object", "additionalProperties": {"type": "null"}, "minProperties": 1, "maxProperties": 3},
]


def is_time(text):
    """RFC 3339's full-time, without leap seconds."""
    match = re.fullmatch(r"(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|[+-](\d\d):(\d\d))", text, re.ASCII)
    return bool(match) and all(int(part or 0) < most for part, most in zip(match.groups(), (24, 60, 60, 24, 60)))


def is_date_time(text):
    return text[10:11] == "T" and bool(datetime.date.fromisoformat(text[:10])) and is_time(text[11:])


def format_checker(jsonschema):
    """jsonschema's own checks, but for times, which it knows with another package alone."""
    checker = jsonschema.FormatChecker({"date", "email", "ipv4", "uuid"} & set(jsonschema.FormatChecker.checkers))
    checker.checks("time")(is_time)
    checker.checks("date-time", raises=ValueError)(is_date_time)
    return checker


class ConstraintTexts(support.CommandLineTest):
    def setUp(self):
        super().setUp()
        self.model = os.path.join(self.folder, "tiny.gguf")  # random weights, all of ASCII
        tiny_chat_model.write(self.model)

    def lines(self, lines, *arguments):
        path = self.file("in.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
        output = self.generate(self.model, "--input", path, "--format", "jsonl", *arguments)
        return [json.loads(line) for line in output.splitlines()]

    def check(self, constraint, is_whole, max_tokens=60):
        """COUNT texts; some of them must be whole."""
        requests = [{"prompt": "x", "seed": seed, "num-samples": min(SAMPLES, COUNT - first), **constraint}
                    for seed, first in enumerate(range(0, COUNT, SAMPLES))]
        whole, cut = set(), set()
        for request in requests:
            record, = self.lines([request], "--max-tokens", str(max_tokens), "--temperature", "1.3")
            for sample in record["samples"]:
                self.assertNotIn(sample["finish_reason"], FAULTS, sample)
                (whole if sample["finish_reason"] == "eos" else cut).add(sample["text"])
        self.assertTrue(whole, constraint)
        for text in whole:
            self.assertTrue(is_whole(text), (constraint, text))
        # A beginning that could not be gone on with would be refused.
        beginnings = sorted({text[:60] for text in cut if text and "\ufffd" not in text})[:100]
        for record in self.lines([{"prompt": "x", "seed": 1, "prefix": text, **constraint} for text in beginnings], "--max-tokens", "90"):
            self.assertIn("samples", record, constraint)
            self.assertNotIn(record["samples"][0]["finish_reason"], FAULTS, record)

    def test_choices(self):
        self.check({"choices": CHOICES}, CHOICES.__contains__)

    def test_regexes(self):
        for pattern in REGEXES:
            compiled = re.compile(pattern, re.ASCII)
            self.check({"regex": pattern}, compiled.fullmatch)

    def test_any_json(self):
        def parses(text):
            json.loads(text)
            return True
        self.check({"json": True}, parses, 80)

    def test_dialogues(self):
        line = r"[^\r\n]+\n"
        self.check({"grammar": "dialogue", "speakers": ["A B", "C"], "turns": 3}, re.compile(f"A B: {line}C: {line}A B: {line}").fullmatch, 120)

    def test_schemas(self):
        try:
            import jsonschema
        except ImportError as error:
            self.skipTest(f"jsonschema cannot be imported: {error}")
        for schema in SCHEMAS:
            try:
                validator = jsonschema.Draft202012Validator(schema, format_checker=format_checker(jsonschema))
            except AttributeError as error:
                self.skipTest(f"this jsonschema is too old: {error}")
            for any_order in (False, True):
                self.check({"json-schema": schema, "any-order": any_order}, lambda text, judge=validator: judge.is_valid(json.loads(text)), 120)


if __name__ == "__main__":
    unittest.main()
