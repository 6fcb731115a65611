#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints pre_token_vectors.json: how the `tokenizers` package (PyPI) cuts texts by the expressions of llama3 and qwen2.
The expressions are those of tokenizer_vectors_test.py, which also compares random texts where the package is there."""
import json

from tokenizers import Regex, pre_tokenizers

from tokenizer_vectors_test import SPLITS

TEXTS = [
    "Hello world", "Hello  world", "  leading and trailing  ", "tabs\tand\nnewlines\r\nmixed\n\n\n  x", "\n", " \n ", "\r\n\r\n  a",
    "I'm sure they'LL say it'S fine, don't you think? We've", "'s 't '\u017f ''s", "12345 1234567 3.14159 1,000,000", "a1b22c333d4444",
    "½ Ⅷ² ٣٤٥٦ ५६", "Привет, мир! Ελληνικά", "你好，世界！这是一个测试。", "日本語のテキスト カタカナ ー", "한국어 텍스트", "שלום עולם مرحبا",
    "e\u0301 combining", "नमस्ते ไทย", "Emoji: 😀👍🏽🇺🇸 and ❤️", "!!! ??? ... --- (parens)\n\nnext", "def f(x):\n    return x ** 2  # c\n",
    "nbsp\u00a0and\u3000wide\u2028line\u0085nel", "zero\u200bwidth\ufeff \u180e mongolian", "a\x00b\x01 \x7f", "http://a.b/c?d=e&f=#g",
    "\t\t\tx", "   ", "x   \n\n   y", "<|im_start|>user\n", "$100 -5% +3", " 's", "_under_score __x__", "ﬁ Ǆ ß İ",
]


def main():
    cases = []
    for name in ["llama3", "qwen2"]:
        split = pre_tokenizers.Split(Regex(SPLITS[name]), "isolated")
        cases += [{"kind": name, "pieces": [piece for piece, _ in split.pre_tokenize_str(text)]} for text in TEXTS]
    print("[\n" + ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases) + "\n]")


if __name__ == "__main__":
    main()
