#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints constraint_masks.json: the masks that llguidance and xgrammar (PyPI) give along random walks under regular expressions all know.
Tokens are written as the hexadecimal digits of their bytes, masks as words of 32 tokens; the last token is the end. Where only
one text can follow, llguidance allows the token that it would itself spell it with, and no other; there its mask is left out. xgrammar is left out of expressions it does not know."""
import json
import random
import struct
import sys
from importlib.metadata import version

import numpy
import xgrammar
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

TOKENS = [bytes([value]) for value in range(256)] + [
    text.encode() for text in ["ab", "abc", "ba", "the ", " the", "th", "he", "12", "123", "00", "-1", "1-", "é", "日", "日本", "éa", "aé", "😀", "Yes",
                               "No", "\": \"", "{\"", "\"}", "true", "\n\n", "aa", "aaaa", "x.y", ".", "@a", "]]"]] + [b"\xc3\xa9\xc3", b"\x97\xa5"]
PATTERNS = ["[0-9]{3}-[0-9]{4}", "(ab|a)*c?", "(Yes|No|Maybe)", "[a-zé]+@[a-z]+\\.(com|org)", "[^a]{0,3}", "日本?(é|😀)*", "(?i:the )+x",
            "\\{\"a\": \"[^\"\\\\]*\"\\}", "a{2,5}", "-?(0|[1-9][0-9]*)(\\.[0-9]+)?", "(a|b)*abb", "[\u00e0-\u4e00]+|[a-f]{4}"]


class Vocabulary:
    eos_token_id = len(TOKENS)
    bos_token_id = None
    tokens = [*TOKENS, b"<end>"]
    special_token_ids = [len(TOKENS)]

    def __call__(self, text):
        return list(text if isinstance(text, bytes) else text.encode())


def matcher_of(compiler, pattern):
    try:
        return xgrammar.GrammarMatcher(compiler.compile_regex(pattern))
    except RuntimeError as error:
        print(f"xgrammar: {pattern}: {error}", file=sys.stderr)
        return None


def written(words):
    return " ".join(f"{word:x}" for word in words)


def walk(tokenizer, compiler, pattern, rng):
    matcher, other = LLMatcher(tokenizer, LLMatcher.grammar_from_regex(pattern)), matcher_of(compiler, pattern)
    steps, token = [], None
    for _ in range(8):
        mask = matcher.compute_bitmask()
        words = struct.unpack(f"<{len(mask) // 4}I", mask)[:(len(TOKENS) + 32) // 32]
        forced = len(matcher.compute_ff_tokens()) > 0
        steps.append({"token": token, "mask": None if forced else written(words)})
        if other:
            filled = numpy.full((1, len(words)), -1, numpy.int32)
            other.fill_next_token_bitmask(filled)
            filled = filled.view(numpy.uint32)[0]
            filled[-1] &= 2 ** ((len(TOKENS) + 1) % 32) - 1  # it leaves bits of no token as they are
            steps[-1]["xgrammar"] = written(filled)
        allowed = [i for i in range(len(TOKENS)) if words[i // 32] >> i % 32 & 1]
        if not allowed:
            break
        long = [i for i in allowed if i >= 256]
        token = rng.choice(long if long and rng.random() < 0.5 else allowed)
        if not matcher.consume_token(token) or matcher.is_stopped() or (other and not other.accept_token(token)):
            break
    return steps


def main():
    tokenizer = LLTokenizer(TokenizerWrapper(Vocabulary()), slices=[])
    info = xgrammar.TokenizerInfo([*TOKENS, b""], xgrammar.VocabType.RAW, stop_token_ids=[len(TOKENS)])
    compiler, rng = xgrammar.GrammarCompiler(info), random.Random(1)
    cases = [{"pattern": pattern, "steps": walk(tokenizer, compiler, pattern, rng)} for pattern in PATTERNS for _ in range(2)]
    print("{" + f'"llguidance": "{version("llguidance")}", "xgrammar": "{version("xgrammar")}", "tokens": "' + " ".join(token.hex() for token in TOKENS) + '", "cases": [\n' +
          ",\n".join(json.dumps(case) for case in cases) + "\n]}")


if __name__ == "__main__":
    main()
