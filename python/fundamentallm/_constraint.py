# SPDX-License-Identifier: Apache-2.0
"""What a constraint of the caller's own has to be."""
from __future__ import annotations

from typing import Protocol


class Constraint(Protocol):
    """Where one output stands in what it may become. The option constraint of Generator.generate and stream takes an object with
    these methods: it is forked when a request is submitted, and for each of its samples. What it raises ends its own sample, with
    an error that has the text. Its methods are called by the thread that steps, one at a time, and must not call the generator.
    fundamentallm.grammars has adapters for other grammar engines.
    """

    def fill_mask(self, mask: memoryview) -> None:
        """Allows tokens as text: bit i % 32 of word i // 32.

        mask: [(vocabulary + 31) // 32] words of 32 bits ("I"), all 0. What it says of end tokens does not matter; may_end does.
        """

    def advance(self, token: int) -> bool:
        """Takes a token as text; False, and nothing changes, where it is not allowed."""

    def rollback(self, count: int) -> None:
        """Takes back the last tokens."""

    def fork(self) -> Constraint:
        """The same place, which goes its own way from here."""

    def may_end(self) -> bool:
        """Whether the output may end here."""
