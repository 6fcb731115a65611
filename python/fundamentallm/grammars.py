# SPDX-License-Identifier: Apache-2.0
"""Grammars of xgrammar and llguidance (both on PyPI) as constraints of a Generator, which needs neither.

    compiler = xgrammar.GrammarCompiler(grammars.xgrammar_tokenizer(generator))
    generator.generate(["..."], constraint=grammars.XGrammar(compiler.compile_grammar(ebnf)))

    tokenizer = grammars.llguidance_tokenizer(generator)
    generator.generate(["..."], constraint=grammars.LLGuidance(tokenizer, lark))
"""
from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from ._text import Generator

__all__ = ["LLGuidance", "XGrammar", "llguidance_tokenizer", "xgrammar_tokenizer"]


class XGrammar:
    """A grammar of xgrammar.

    compiled: an xgrammar.CompiledGrammar over xgrammar_tokenizer(generator)
    """

    def __init__(self, compiled: Any) -> None:
        module = importlib.import_module("xgrammar")
        self._matcher: Any = module.GrammarMatcher(compiled)
        self._words: Any = None

    def fill_mask(self, mask: memoryview) -> None:
        numpy = importlib.import_module("numpy")
        if self._words is None:
            self._words = numpy.empty((1, len(mask)), numpy.int32)
        self._words[:] = -1  # left as it is where everything is allowed
        self._matcher.fill_next_token_bitmask(self._words)
        mask[:] = memoryview(self._words.view(numpy.uint32).reshape(-1)).cast("B").cast("I")

    def advance(self, token: int) -> bool:
        return bool(self._matcher.accept_token(token))

    def rollback(self, count: int) -> None:
        if count > 0:
            self._matcher.rollback(count)

    def fork(self) -> XGrammar:
        copy = object.__new__(XGrammar)
        copy._matcher, copy._words = self._matcher.fork(), None
        return copy

    def may_end(self) -> bool:
        return bool(self._matcher.is_completed())


class LLGuidance:
    """A grammar of llguidance. Where only one text can follow, its masks have no token but the one it would spell it with.

    tokenizer: of llguidance_tokenizer(generator)
    grammar: as llguidance.LLMatcher takes it: Lark, or what LLMatcher.grammar_from_regex, grammar_from_json_schema, ... make

    Errors: ValueError, what llguidance says of the grammar.
    """

    def __init__(self, tokenizer: Any, grammar: str) -> None:
        self._matcher: Any = importlib.import_module("llguidance").LLMatcher(tokenizer, grammar)
        self._check()

    def fill_mask(self, mask: memoryview) -> None:
        words = memoryview(self._matcher.compute_bitmask()).cast("I")
        self._check()
        mask[:len(words)] = words[:len(mask)]

    def advance(self, token: int) -> bool:
        return bool(self._matcher.try_consume_tokens([token]) == 1)

    def rollback(self, count: int) -> None:
        self._matcher.rollback(count)
        self._check()

    def fork(self) -> LLGuidance:
        copy = object.__new__(LLGuidance)
        copy._matcher = self._matcher.deep_copy()
        return copy

    def may_end(self) -> bool:
        return bool(self._matcher.is_accepting())

    def _check(self) -> None:
        if self._matcher.is_error():
            raise ValueError(f"llguidance: {self._matcher.get_error()}")


def xgrammar_tokenizer(generator: Generator) -> Any:
    """An xgrammar.TokenizerInfo of a generator's vocabulary."""
    module = importlib.import_module("xgrammar")
    return module.TokenizerInfo(generator.token_bytes, module.VocabType.RAW, stop_token_ids=generator.end_ids)


def llguidance_tokenizer(generator: Generator, slices: Sequence[str] | None = None) -> Any:
    """An llguidance.LLTokenizer of a generator's vocabulary.

    slices: of llguidance, which speed up large vocabularies; None: its own choice

    Errors: ValueError for a model without an end token.
    """
    if not generator.end_ids:
        raise ValueError("generator: its model has no end token, which llguidance needs")
    module = importlib.import_module("llguidance")
    return module.LLTokenizer(module.TokenizerWrapper(_Vocabulary(generator)), slices=None if slices is None else list(slices))


class _Vocabulary:
    """A tokenizer as llguidance.TokenizerWrapper wants it."""

    bos_token_id = None

    def __init__(self, generator: Generator) -> None:
        self.eos_token_id = generator.end_ids[0]
        texts = generator.token_bytes
        # Tokens without text get one that no output has, since llguidance tells them apart by it.
        self.tokens = [text or b"\xff<%d>" % token for token, text in enumerate(texts)]
        self.special_token_ids = [token for token, text in enumerate(texts) if not text]
        self._by_text = {text: token for token, text in enumerate(texts) if text}
        self._longest = max(map(len, self._by_text), default=1)

    def __call__(self, text: bytes | str) -> list[int]:
        """The longest tokens from left to right: some spelling, which is all llguidance needs of it."""
        data = text if isinstance(text, bytes) else text.encode()
        ids: list[int] = []
        at = 0
        while at < len(data):
            for size in range(min(self._longest, len(data) - at), 0, -1):
                token = self._by_text.get(data[at:at + size])
                if token is not None:
                    ids.append(token)
                    at += size
                    break
            else:
                raise ValueError(f"byte {data[at]:#04x}: no token of this model spells it")
        return ids
