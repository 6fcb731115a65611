# SPDX-License-Identifier: Apache-2.0
"""What parameters may be, for type checkers. Results are Any: arrays of whatever library the logits are of."""
from __future__ import annotations

from typing import Any, Iterable, Mapping, Protocol, Sequence, SupportsFloat, SupportsIndex, Union


class Array(Protocol):
    """What numpy, torch and cupy arrays and memoryviews have in common. That it can be lent is checked in the call."""

    @property
    def shape(self) -> Any: ...

    def __getitem__(self, key: Any, /) -> Any: ...


# A value a row: a number for all, a sequence of numbers, or an array [rows].
Reals = Union[SupportsFloat, Sequence[SupportsFloat], Array]
Integers = Union[SupportsIndex, Sequence[SupportsIndex], Array]

# Lists of ids, biases by id and lists of words, which are lists of ids: for all rows, or one a row.
Ids = Union[Iterable[int], Sequence[Iterable[int]]]
Bias = Union[Mapping[int, float], Sequence[Mapping[int, float]]]
Words = Union[Iterable[Iterable[int]], Sequence[Iterable[Iterable[int]]]]
