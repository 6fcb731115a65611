# SPDX-License-Identifier: Apache-2.0
"""Histories of sequences in device memory."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Sequence

from . import _arrays
from ._rows import RowInputs, integer, is_integer
from ._types import Array, Integers

if TYPE_CHECKING:
    from ._sampler import Sampler


class History:
    """What sequences hold so far, for the penalties: the distinct ids of each, with their counts in the output.

    slots: how many sequences
    capacity: distinct ids a sequence may hold; further ones are not seen by penalties, and set RowStatus.FULL
    vocab: of the logits, [1, 2^20]; ids beyond it are passed over
    like: an array whose library and device the memory shares; None: numpy, on the CPU
    sampler: whose threads append; None: the default one

    entries: [slots, capacity, 2] int32: an id, and its count in bits 0 to 30 with bit 31 for the repetition penalty
    sizes: [slots] int32: entries in use

    Nothing here waits for a device except `counts`. Not for calls from several threads at once.
    """

    __slots__ = ("entries", "sizes", "capacity", "slots", "vocab", "_sampler")

    def __init__(self, slots: int, capacity: int, vocab: int, *, like: Array | None = None,
                 sampler: Sampler | None = None) -> None:
        from ._sampler import default_sampler
        self.slots = integer("slots", slots, 1, (1 << 31) - 1)
        self.capacity = integer("capacity", capacity, 1, (1 << 31) - 1)
        self.vocab = integer("vocab", vocab, 1, 1 << 20)
        self._sampler = sampler if sampler is not None else default_sampler
        maker = _arrays.Numpy() if like is None else _arrays.maker_for(like)
        with maker.on_stream():
            self.entries = maker.empty((self.slots, self.capacity, 2), "int32")
            self.sizes = maker.full(self.slots, 0, "int32")

    def append(self, ids: Array | Iterable[Iterable[int]], *, slots: Integers | None = None, output: bool = True,
               stream: Any = None) -> Any:
        """Appends ids to histories, each in its order.

        ids: a list of ids for each of `slots`; or an array [rows] int32, an id each; or an array [rows, n] int32, n ids each.
            Ids outside [0, vocab), such as a padding of -1, are passed over.
        slots: the slot of each row, none twice: a list or an array [rows] int32; None: slot i for row i
        output: whether the ids were generated and are counted, or are a prompt and are not
        stream: as in `sample`

        Returns the status of each row, [rows] 32-bit: RowStatus.FULL or 0.
        """
        maker = _arrays.maker_for(self.entries, stream)
        with maker.on_stream():
            rows, arrays = _append_ids(maker, ids)
            arrays.update(history_entries=self.entries, history_sizes=self.sizes)
            if slots is not None:
                inputs = RowInputs(maker, rows)
                arrays["slots"] = inputs.array("slots", slots)
                inputs.refuse_violations()
            if not output:
                arrays["are_outputs"] = maker.full(rows, 0, "int32")
            arrays["status"] = maker.empty((rows,), "uint32")
            self._sampler._native(maker.device).append(arrays, self.vocab, maker.stream)
        return arrays["status"]

    def clear(self, slots: Sequence[int] | None = None) -> None:
        """Empties these slots, or all. On CUDA on the library's current stream."""
        if slots is None:
            self.sizes[:] = 0
        else:
            self.sizes[list(slots)] = 0

    def counts(self, slot: int) -> dict[int, int]:
        """{id: its count in the output} in the order of first occurrence. Waits for the device."""
        used = self.entries[slot, :int(self.sizes[slot])].tolist()
        return {token: word & 0x7FFFFFFF for token, word in used}


def _append_ids(maker: Any, ids: Any) -> tuple[int, dict[str, Any]]:
    """How many rows there are; `ids` flat, and where each row's begin. Never without an element, which would have no address."""
    if _arrays.is_array(ids):
        if len(ids.shape) not in (1, 2):
            raise ValueError(f"ids: shape {tuple(ids.shape)}: must be [rows] or [rows, n]")
        rows = int(ids.shape[0])
        if len(ids.shape) == 1:
            return rows, {"ids": ids}
        width = int(ids.shape[1])
        if width == 0:
            return rows, {"ids": maker.full(1, -1, "int32"), "id_offsets": maker.full(rows + 1, 0, "int32")}
        return rows, {"ids": ids.reshape(-1), "id_offsets": maker.arange(rows * width + 1, width)}
    given = list(ids)
    if not all(isinstance(row, Iterable) for row in given):
        raise ValueError("ids: a list of numbers: must be a list for each row, or an array")
    lists = [list(row) for row in given]
    flat = [i for row in lists for i in row]
    bad = [i for i in flat if not is_integer(i, -(1 << 31), (1 << 31) - 1)]
    if bad:
        raise ValueError(f"ids: {bad[0]!r}: must be 32-bit integers")
    offsets = [0]
    for row in lists:
        offsets.append(offsets[-1] + len(row))
    return len(lists), {"ids": maker.array(flat or [-1], "int32"), "id_offsets": maker.array(offsets, "int32")}
