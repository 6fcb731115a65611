# SPDX-License-Identifier: Apache-2.0
"""Vocabularies that are spread over ranks."""
from __future__ import annotations

import numbers
from typing import Any, Mapping

from . import _arrays, _native
from ._rows import RowInputs, integer
from ._types import Array

MOST_EXCHANGES = 10


class Shard:
    """One rank's part in a draw from logits whose vocabulary is spread over ranks, and what it keeps between the steps.

    rank: [0, ranks); higher ranks have higher ids
    ranks: [1, 64]
    vocab: ids of all slices, [1, 2^20]
    first_id: of this rank's slice, a multiple of 32; the slice's size is that of its logits
    rows: of the logits
    list_size: [0, min(256, 512 // ranks)], the same on all ranks: rows whose top_k is no larger need one exchange; None: the
        largest
    like: an array whose library and device the arrays share, such as the logits

    words: [rows, n] uint64 (torch: int64, the same bits): what is added up over the ranks between steps
    states: [rows, 7] 64-bit: what the steps keep

    Not for calls that may run at the same time. ValueError for what is outside its range.
    """

    __slots__ = ("rank", "ranks", "vocab", "first_id", "list_size", "words", "states")

    def __init__(self, rank: int, ranks: int, vocab: int, first_id: int, rows: int, *, list_size: int | None = None,
                 like: Array) -> None:
        self.ranks = integer("ranks", ranks, 1, 64)
        self.rank = integer("rank", rank, 0, self.ranks - 1)
        self.vocab = integer("vocab", vocab, 1, 1 << 20)
        self.first_id = integer("first_id", first_id, 0, self.vocab - 1)
        if self.first_id % 32 != 0:
            raise ValueError(f"first_id: {first_id}: must be a multiple of 32")
        rows = integer("rows", rows, 0, 1 << 20)
        most = min(256, 512 // self.ranks)
        self.list_size = most if list_size is None else integer("list_size", list_size, 0, most)
        maker = _arrays.maker_for(like)
        self.words = maker.empty((rows, _native.shard_words(self.ranks, self.list_size)), "uint64")
        self.states = maker.empty((rows, _native.shard_state_bytes // 8), "uint64")

    def step(self, step: int, last: bool) -> dict[str, Any]:
        """The library's structure of one step, fllm_shard_args."""
        return {**{name: getattr(self, name) for name in self.__slots__}, "step": step, "last": int(last)}

    def exchanges(self, rows: int, parameters: Mapping[str, Any]) -> int:
        """How many exchanges suffice for rows with these parameters of sample_shard. What is an array may be anything."""
        values = {"temperature": 1, "top_k": 0, "top_p": 1}
        values = {name: value if parameters.get(name) is None else parameters[name] for name, value in values.items()}
        if any(_arrays.is_array(value) and not isinstance(value, numbers.Number) for value in values.values()):
            return MOST_EXCHANGES
        inputs = RowInputs(None, rows)
        columns = [inputs.values(name, value) or [] for name, value in values.items()]
        inputs.refuse_violations()
        return max((self._exchanges_of(*row) for row in zip(*columns)), default=1)

    def _exchanges_of(self, temperature: float, top_k: int, top_p: float) -> int:
        is_cut = 0 < top_k < self.vocab
        if temperature == 0 or top_k == 1 or (is_cut and top_k <= self.list_size):
            return 1
        return (3, 6, MOST_EXCHANGES)[is_cut + (top_p < 1)]
