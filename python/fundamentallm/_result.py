# SPDX-License-Identifier: Apache-2.0
"""What a call returns."""
from __future__ import annotations

import enum
from typing import Any, Iterable

from . import _arrays


class RowStatus(enum.IntFlag):
    """Bits of a row's status; they add up. 0: nothing to tell."""

    NAN = 1  #: a NaN among the row's logits; it was read as -inf
    INF = 2  #: the largest edited logit is +inf: its lowest id is the result
    EMPTY = 4  #: every token is forbidden: the result is the fallback id
    FULL = 8  #: the row's history or sequence had no room for a token, which later edits will therefore not see
    UNDECIDED = 16  #: of sample_shard: too few exchanges for this row; the result is its most likely id


class RandomStream(enum.IntEnum):
    """What random bits are for. Rows that share seed, position and sample index get different bits for each."""

    TARGET = 0
    DRAFT = 1
    ACCEPTANCE = 2
    RESIDUAL = 3
    BEAM = 4


def _text_of(thing: Any, names: Iterable[str]) -> str:
    return f"{type(thing).__name__}({', '.join(f'{name}={getattr(thing, name)!r}' for name in names)})"


class Details:
    """What the draws came from. The properties are views of `words`.

    words: [rows, 6] 32-bit integers, the library's structure.
    """

    __slots__ = ("words",)

    def __init__(self, words: Any) -> None:
        self.words = words

    def __repr__(self) -> str:
        return _text_of(self, ("raw_logprob", "processed_logprob", "rank", "kept_count", "kept_mass"))

    @property
    def raw_logprob(self) -> Any:
        """[rows] float32: log-softmax of the unedited logits at temperature 1."""
        return _arrays.reinterpret(self.words, "float32")[:, 0]

    @property
    def processed_logprob(self) -> Any:
        """[rows] float32: ln(mass / kept mass)."""
        return _arrays.reinterpret(self.words, "float32")[:, 1]

    @property
    def rank(self) -> Any:
        """[rows] int32: ids that precede the token in the total order of the edited logits."""
        return _arrays.reinterpret(self.words, "int32")[:, 2]

    @property
    def kept_count(self) -> Any:
        """[rows] int32: ids left by the filters."""
        return _arrays.reinterpret(self.words, "int32")[:, 3]

    @property
    def kept_mass(self) -> Any:
        """[rows] int64: mass left by the filters, in units of 2^-40 of the most likely id's; less than 2^61."""
        return _arrays.reinterpret(self.words, "int64")[:, 2]


class Top:
    """The first ids of the total order. The properties are views of `words`.

    words: [rows, count, 3] 32-bit integers, the library's structure.
    """

    __slots__ = ("words",)

    def __init__(self, words: Any) -> None:
        self.words = words

    def __repr__(self) -> str:
        return _text_of(self, ("ids", "raw_logprob", "processed_logprob"))

    @property
    def ids(self) -> Any:
        """[rows, count] int32: best first; -1 where fewer ids are allowed."""
        return _arrays.reinterpret(self.words, "int32")[:, :, 0]

    @property
    def raw_logprob(self) -> Any:
        """[rows, count] float32: log-softmax of the unedited logits at temperature 1."""
        return _arrays.reinterpret(self.words, "float32")[:, :, 1]

    @property
    def processed_logprob(self) -> Any:
        """[rows, count] float32: ln(mass / kept mass); -inf outside the kept set."""
        return _arrays.reinterpret(self.words, "float32")[:, :, 2]


class SampleResult:
    """The arrays of one call; given as `out` to another, they are written again.

    tokens: [rows] int32
    status: [rows] 32-bit, see RowStatus
    details: Details, or None when not asked for
    top: Top, or None when not asked for
    probabilities: [rows, vocab] float32, 0 outside the kept set; None when not asked for
    """

    __slots__ = ("tokens", "status", "details", "top", "probabilities")

    def __init__(self, tokens: Any, status: Any = None, details: Details | None = None, top: Top | None = None,
                 probabilities: Any = None) -> None:
        self.tokens = tokens
        self.status = status
        self.details = details
        self.top = top
        self.probabilities = probabilities

    def __repr__(self) -> str:
        return _text_of(self, [name for name in self.__slots__ if getattr(self, name) is not None])
