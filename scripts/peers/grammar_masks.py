#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times xgrammar or llguidance on constraints: grammar_masks.py xgrammar|llguidance VOCABULARY CASES RUNS, one thread.

VOCABULARY: as fundamentallm-bench constraints writes it; CASES: constraint_cases.json. Prints JSON lines: compiling, compiling with the
masks of a first text, and a step of a text (mask and token), in seconds of the processor."""
import importlib.metadata
import json
import sys

import numpy
from timing import measure

WALKS = 20  # of one text, in a measurement of its steps


class Vocabulary:
    """As llguidance's TokenizerWrapper and xgrammar's TokenizerInfo want it."""

    bos_token_id = None

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        data, behind = bytes.fromhex(found["bytes"]), found["behind"]
        self.texts = [data[begin:end] for begin, end in zip([0, *behind], behind)]
        self.ends = found["ends"]
        self.eos_token_id = self.ends[0]
        self.tokens = [text or b"\xff<%d>" % token for token, text in enumerate(self.texts)]
        self.special_token_ids = [token for token, text in enumerate(self.texts) if not text]
        self.by_text = {text: token for token, text in enumerate(self.texts) if text}
        self.longest = max(map(len, self.by_text))

    def __call__(self, text):
        data, ids = text if isinstance(text, bytes) else text.encode(), []
        while data:
            size = next(size for size in range(min(self.longest, len(data)), 0, -1) if data[:size] in self.by_text)
            ids.append(self.by_text[data[:size]])
            data = data[size:]
        return ids


class XGrammar:
    def __init__(self, vocabulary):
        import xgrammar
        self.module = xgrammar
        info = xgrammar.TokenizerInfo(vocabulary.texts, xgrammar.VocabType.RAW, stop_token_ids=vocabulary.ends)
        self.compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        self.words = numpy.empty((1, (len(vocabulary.texts) + 31) // 32), numpy.int32)

    def compile(self, case):
        if "regex" in case:
            return self.compiler.compile_regex(case["regex"])
        return self.compiler.compile_json_schema(json.dumps(case["schema"]), any_whitespace=False, separators=(", ", ": "))

    def walk(self, compiled, ids):
        matcher = self.module.GrammarMatcher(compiled)
        for token in ids:
            matcher.fill_next_token_bitmask(self.words)
            if not matcher.accept_token(token):
                sys.exit(f"xgrammar refuses token {token}")
        matcher.fill_next_token_bitmask(self.words)


class LLGuidance:
    def __init__(self, vocabulary):
        import llguidance
        self.matcher = llguidance.LLMatcher
        self.tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(vocabulary))
        self.words = numpy.empty((len(vocabulary.texts) + 31) // 32, numpy.int32)

    def compile(self, case):
        grammar = (self.matcher.grammar_from_regex(case["regex"]) if "regex" in case else
                   self.matcher.grammar_from_json_schema(case["schema"], overrides={"whitespace_flexible": True}))
        return self.matcher(self.tokenizer, grammar)

    def walk(self, compiled, ids):
        matcher = compiled.deep_copy()
        for token in ids:
            matcher.unsafe_compute_mask_ptr(self.words.ctypes.data, self.words.nbytes)
            if not matcher.consume_token(token):
                sys.exit(f"llguidance refuses token {token}: {matcher.get_error()}")
        matcher.unsafe_compute_mask_ptr(self.words.ctypes.data, self.words.nbytes)


def main():
    name, vocabulary_path, cases, runs = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    vocabulary = Vocabulary(vocabulary_path)
    engine = {"xgrammar": XGrammar, "llguidance": LLGuidance}[name](vocabulary)
    peer = f"{name} {importlib.metadata.version(name)}"
    with open(cases, encoding="utf-8") as file:
        for case in json.load(file):
            ids = vocabulary(case["text"])

            def first(case=case, ids=ids):
                engine.walk(engine.compile(case), ids)

            def steps(ids=ids, compiled=engine.compile(case)):
                for _ in range(WALKS):
                    engine.walk(compiled, ids)

            print(json.dumps({"peer": peer, "what": case["name"],
                              "compile_seconds": measure(runs, lambda case=case: engine.compile(case))["median_cpu_seconds"],
                              "first_text_seconds": measure(runs, first)["median_cpu_seconds"],
                              "step_seconds": measure(runs, steps)["median_cpu_seconds"] / WALKS / (len(ids) + 1)}), flush=True)


if __name__ == "__main__":
    main()
