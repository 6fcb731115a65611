# SPDX-License-Identifier: Apache-2.0
"""Sequences of tokens in device memory."""
from __future__ import annotations

from typing import Any, Iterable, Sequence

from . import _arrays
from ._edits import _is_id
from ._rows import RowInputs, integer
from ._types import Array

_INT32 = (1 << 31) - 1
_NAN = float("nan")


class Sequences:
    """What Filters look at and remember: prompt and output of each sequence in order, and mirostat's state.

    slots: how many sequences
    capacity: tokens a sequence may hold; filters do not see further ones, which set RowStatus.FULL
    like: an array whose library and device the memory shares; None: numpy, on the CPU

    tokens: [slots, capacity] int32, oldest first; of from_arrays maybe None
    lengths: [slots] int32: tokens in use; of from_arrays maybe None
    mirostat_mu: [slots] float32 in bits; NaN: of a new sequence; of from_arrays maybe None

    Calls with `advance` append the drawn tokens. On CUDA everything here goes to the library's current stream, and only `ids`
    waits for the device. Not for calls from several threads at once.
    """

    __slots__ = ("tokens", "lengths", "mirostat_mu", "slots")

    tokens: Any
    lengths: Any
    mirostat_mu: Any

    def __init__(self, slots: int, capacity: int, *, like: Array | None = None) -> None:
        self.slots = integer("slots", slots, 1, _INT32)
        capacity = integer("capacity", capacity, 1, _INT32)
        maker = _arrays.Numpy() if like is None else _arrays.maker_for(like)
        self.tokens = maker.empty((self.slots, capacity), "int32")
        self.lengths = maker.full(self.slots, 0, "int32")
        self.mirostat_mu = maker.full(self.slots, _NAN, "float32")

    @classmethod
    def from_arrays(cls, *, tokens: Array | None = None, lengths: Array | None = None,
                    mirostat_mu: Array | None = None) -> Sequences:
        """Of arrays that are on the device already, of the shapes above; they are used, not copied. tokens and lengths go
        together; mirostat_mu may be left out, or be there alone. ValueError where there is none."""
        any_array = tokens if tokens is not None else mirostat_mu
        if any_array is None:
            raise ValueError("sequences: no arrays: must have tokens and lengths, mirostat_mu, or all of them")
        made = cls.__new__(cls)
        made.slots = int(any_array.shape[0])
        made.tokens, made.lengths, made.mirostat_mu = tokens, lengths, mirostat_mu
        return made

    @property
    def arrays(self) -> dict[str, Any]:
        """By the names of the library's tensors."""
        arrays = {"sequence_tokens": self.tokens, "sequence_lengths": self.lengths, "mirostat_mu": self.mirostat_mu}
        return {name: array for name, array in arrays.items() if array is not None}

    @property
    def capacity(self) -> int:
        """Tokens a sequence may hold."""
        return 0 if self.tokens is None else int(self.tokens.shape[1])

    def put(self, ids: Iterable[Iterable[int]], *, slots: Sequence[int] | None = None) -> None:
        """Begins sequences: each slot then holds these ids, of a prompt for instance, and mirostat's state is new.

        ids: a list of ids in [0, 2^31) for each of `slots`, at most `capacity` of them
        slots: which, none twice; None: slot i for list i

        ValueError otherwise; nothing is then changed.
        """
        lists = [list(row) for row in ids]
        for row in lists:
            bad = [i for i in row if not _is_id(i)]
            if bad:
                raise ValueError(f"ids: {bad[0]!r}: token ids are integers in [0, 2^31)")
            if len(row) > self.capacity:
                raise ValueError(f"ids: {len(row)} of a sequence: must be at most {self.capacity}, the capacity")
        chosen = self._checked(range(len(lists)) if slots is None else slots, len(lists))
        self.clear(chosen)
        for slot, row in zip(chosen, lists):
            if row:
                self.tokens[slot, :len(row)] = _arrays.maker_for(self.tokens).array(row, "int32")
                self.lengths[slot] = len(row)

    def clear(self, slots: Sequence[int] | None = None) -> None:
        """Empties these slots, or all, and forgets mirostat's state."""
        chosen: Any = slice(None) if slots is None else self._checked(slots, len(slots))
        for array, value in ((self.lengths, 0), (self.mirostat_mu, _NAN)):
            if array is not None:
                array[chosen] = value

    def ids(self, slot: int) -> list[int]:
        """The tokens of a slot. Waits for the device."""
        slot = integer("slot", slot, 0, self.slots - 1)
        used: list[int] = self.tokens[slot, :int(self.lengths[slot])].tolist()
        return used

    def reserve(self, capacity: int) -> None:
        """Makes room for at least so many tokens a slot; `tokens` is then another array, unless there is room already."""
        before = self.capacity
        if integer("capacity", capacity, 1, _INT32) > before:
            grown = _arrays.maker_for(self.tokens).empty((self.slots, capacity), "int32")
            grown[:, :before] = self.tokens
            self.tokens = grown

    def _checked(self, slots: Sequence[int], count: int) -> list[int]:
        inputs = RowInputs(None, count)
        checked = inputs.values("slots", slots)
        inputs.refuse_violations()
        return [integer("slots", slot, 0, self.slots - 1) for slot in checked or []]
