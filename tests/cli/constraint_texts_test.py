#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Texts drawn at random under each source of a constraint, held against Python's own judges (re, json, and jsonschema where it is
there): those that end are whole, those that are cut can be gone on with. FLLM_CONSTRAINT_TEXTS: how many of each (default 100, or 20
where the program is sanitized)."""
import datetime
import json
import os
import re
import unittest

import support
import tiny_chat_model

COUNT = int(os.environ.get("FLLM_CONSTRAINT_TEXTS", "20" if support.SANITIZED else "100"))
SAMPLES = 500  # of one request
REQUESTS = 20  # of one process, which has two minutes
BEGINNINGS = 100 // (10 if support.SANITIZED else 1)  # that are gone on with
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
    {"$defs": {"base": {"type": "object", "properties": {"w": {"type": "number", "exclusiveMinimum": 0.25, "maximum": 7.5}}, "required": ["w"]}},
     "allOf": [{"$ref": "#/$defs/base"}, {"properties": {"n": {"enum": ["a", "abcd", 7, None], "minLength": 2}, "w": {"minimum": 1.5}}}],
     "anyOf": [{"required": ["n"]}, {"maxProperties": 1}]},
    {"allOf": [{"type": ["string", "integer"], "maxLength": 4}, {"pattern": "^[a-f]"}, {"pattern": "[^a-c]$", "exclusiveMaximum": 20.5}]},
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

    def check(self, cases, max_tokens=60, go_on=True):
        """cases: constraints and their judges. COUNT texts of each; some of them must be whole. go_on: what is cut must be a beginning."""
        requests, judges = [], []
        for constraint, is_whole in cases:
            for seed, first in enumerate(range(0, COUNT, SAMPLES)):
                requests.append({"prompt": "x", "seed": seed, "num-samples": min(SAMPLES, COUNT - first), **constraint})
                judges.append((constraint, is_whole))
        whole, cut = {}, {}
        records = []
        for first in range(0, len(requests), REQUESTS):
            records += self.lines(requests[first:first + REQUESTS], "--max-tokens", str(max_tokens), "--temperature", "1.3")
        self.assertEqual(len(records), len(requests))
        for record, (constraint, is_whole) in zip(records, judges):
            key = json.dumps(constraint)
            for sample in record["samples"]:
                self.assertNotIn(sample["finish_reason"], FAULTS, sample)
                if sample["finish_reason"] == "eos":
                    self.assertTrue(is_whole(sample["text"]), (constraint, sample["text"]))
                    whole.setdefault(key, set()).add(sample["text"])
                else:
                    cut.setdefault(key, set()).add(sample["text"])
        for constraint, _ in cases:
            self.assertTrue(whole.get(json.dumps(constraint)), constraint)
        if not go_on:
            return
        # A beginning that could not be gone on with would be refused.
        requests = []
        for constraint, _ in cases:
            key = json.dumps(constraint)
            beginnings = sorted({text[:60] for text in cut.get(key, ()) if text and "\ufffd" not in text})
            requests += [{"prompt": "x", "seed": 1, "prefix": text, **constraint} for text in beginnings[:BEGINNINGS]]
        for request, record in zip(requests, self.lines(requests, "--max-tokens", "90")):
            self.assertIn("samples", record, request)
            self.assertNotIn(record["samples"][0]["finish_reason"], FAULTS, record)

    def test_choices_and_regexes(self):
        self.check([({"choices": CHOICES}, CHOICES.__contains__)] +
                   [({"regex": pattern}, re.compile(pattern, re.ASCII).fullmatch) for pattern in REGEXES])

    def test_properties_of_characters(self):
        # The model's vocabulary is ASCII, where these are ranges.
        self.check([({"regex": r"\p{Lu}\p{Ll}{2,5}(?:[\p{L}\p{Nd}]|\P{L}{2})"}, re.compile(r"[A-Z][a-z]{2,5}(?:[A-Za-z0-9]|[^A-Za-z]{2})").fullmatch)])

    def test_any_json(self):
        def parses(text):
            json.loads(text)
            return True
        self.check([({"json": True}, parses)], 80, go_on=not support.SANITIZED)  # its automaton is large

    def test_dialogues(self):
        line = r"[^\r\n]+\n"
        self.check([({"grammar": "dialogue", "speakers": ["A B", "C"], "turns": 3}, re.compile(f"A B: {line}C: {line}A B: {line}").fullmatch)], 120)

    def test_schemas(self):
        try:
            import jsonschema
        except ImportError as error:
            self.skipTest(f"jsonschema cannot be imported: {error}")
        cases = []
        for i, schema in enumerate(SCHEMAS):
            try:
                validator = jsonschema.Draft202012Validator(schema, format_checker=format_checker(jsonschema))
            except AttributeError as error:
                self.skipTest(f"this jsonschema is too old: {error}")
            for any_order in (i % 2 == 0,) if support.SANITIZED else (False, True):
                cases.append(({"json-schema": schema, "any-order": any_order}, lambda text, judge=validator: judge.is_valid(json.loads(text))))
        self.check(cases, 120)


if __name__ == "__main__":
    unittest.main()
