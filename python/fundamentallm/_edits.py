# SPDX-License-Identifier: Apache-2.0
"""Edits that have a list of ids a row, and masks."""
from __future__ import annotations

import numbers
import struct
from typing import Any, Callable, Mapping, Sequence

from . import _arrays
from ._rows import integer, is_finite_float32, is_integer
from ._types import Array, Bias, Ids

_INT32 = (1 << 31) - 1


def _is_id(value: Any) -> bool:
    return is_integer(value, 0, _INT32)


def _per_row(name: str, value: Any, rows: int, is_shared: Callable[[Any], bool]) -> list[Any]:
    """One item a row: the value itself for every row, or its items."""
    if is_shared(value):
        return [value] * rows
    items = list(value)
    if len(items) != rows:
        raise ValueError(f"{name}: {len(items)} rows: must be one for each of {rows} rows, or one list for all")
    return items


def _ids(name: str, value: Ids, rows: int) -> list[list[int]]:
    items = list(value)
    lists = [list(ids) for ids in _per_row(name, items, rows, lambda v: all(isinstance(i, numbers.Number) for i in v))]
    bad = [i for ids in lists for i in ids if not _is_id(i)]
    if bad:
        raise ValueError(f"{name}: {bad[0]!r}: token ids are integers in [0, 2^31)")
    return lists


def _bias(value: Bias, rows: int) -> list[Mapping[int, float]]:
    rows_bias = _per_row("bias", value, rows, lambda v: isinstance(v, Mapping))
    if not all(isinstance(bias, Mapping) for bias in rows_bias):
        raise ValueError("bias: a list without dictionaries: must be {id: number}, or a list of one for each row")
    for entry in (entry for bias in rows_bias for entry in bias.items()):
        if not (_is_id(entry[0]) and is_finite_float32(entry[1])):
            raise ValueError(f"bias: {entry[0]!r}: {entry[1]!r}: must be finite numbers by token ids in [0, 2^31)")
    return rows_bias


def _offsets(lists: Sequence[Any], start: int = 0) -> list[int]:
    offsets = [start]
    for items in lists:
        offsets.append(offsets[-1] + len(items))
    return offsets


class Edits:
    """Bans, end ids and biases of a batch, as arrays on its device. Prepare them once, give them to many calls.

    ban_ids: ids that are never drawn: a list for all rows, or one list a row.
    end_ids: ids that are not drawn while `generated` < `min_tokens`; the same forms.
    bias: {id: what is added to its logit}, for all rows or one a row. Values are finite.
    rows: of the logits.
    like: an array whose library and device the arrays share, such as the logits.

    Ids beyond the vocabulary are passed over. ValueError for anything else that is not said here.
    """

    __slots__ = ("arrays",)

    def __init__(self, rows: int, *, ban_ids: Ids | None = None, end_ids: Ids | None = None, bias: Bias | None = None,
                 like: Array) -> None:
        self.arrays = _edit_arrays(_arrays.maker_for(like), integer("rows", rows, 0, _INT32), ban_ids, end_ids, bias)

    @classmethod
    def from_arrays(cls, *, ban_ids: Array | None = None, ban_offsets: Array | None = None, end_id_offsets: Array | None = None,
                    bias: Array | None = None, bias_offsets: Array | None = None) -> Edits:
        """Of arrays that are on the device already; they are used, not copied.

        ban_ids: [ids] int32, bans and end ids of all rows
        ban_offsets: [rows + 1] int32; row i bans ban_ids[ban_offsets[i]:ban_offsets[i + 1]]
        end_id_offsets: [rows + 1] int32, into ban_ids too: the row's end ids
        bias: [entries, 2] 32-bit: an id and the bits of a float32
        bias_offsets: [rows + 1] int32, into bias; ids of a row are distinct
        """
        edits = cls.__new__(cls)
        given = {"ban_ids": ban_ids, "ban_offsets": ban_offsets, "end_id_offsets": end_id_offsets, "bias": bias,
                 "bias_offsets": bias_offsets}
        edits.arrays = {name: array for name, array in given.items() if array is not None}
        return edits


def _edit_arrays(maker: Any, rows: int, ban_ids: Ids | None, end_ids: Ids | None, bias: Bias | None) -> dict[str, Any]:
    """By the names of the library's tensors. Lists without any element are left out."""
    arrays: dict[str, Any] = {}
    bans = _ids("ban_ids", ban_ids, rows) if ban_ids is not None else [[]] * rows
    ends = _ids("end_ids", end_ids, rows) if end_ids is not None else [[]] * rows
    flat = [i for ids in bans + ends for i in ids]
    if flat:
        ban_offsets = _offsets(bans)
        arrays["ban_ids"] = maker.array(flat, "int32")
        arrays["ban_offsets"] = maker.array(ban_offsets, "int32")
        arrays["end_id_offsets"] = maker.array(_offsets(ends, ban_offsets[-1]), "int32")
    biases = _bias(bias, rows) if bias is not None else []
    words = [word for row in biases for item in row.items() for word in struct.unpack("=2i", struct.pack("=if", *item))]
    if words:
        arrays["bias"] = maker.array(words, "int32").reshape(-1, 2)
        arrays["bias_offsets"] = maker.array(_offsets(biases), "int32")
    return arrays


def pack_mask(allowed: Any) -> Any:
    """The words of `allow_mask`.

    allowed: [rows, vocab] or [vocab] booleans, a numpy, torch or cupy array; True where a token may be drawn.
    Returns [rows, ceil(vocab / 32)] or [ceil(vocab / 32)] int32: bit i % 32 of word i / 32 is that of id i.
    """
    vocab = allowed.shape[-1]
    shape = (*allowed.shape[:-1], (vocab + 31) // 32, 32)
    if _arrays.library_of(allowed) == "torch":
        import torch
        padded = torch.nn.functional.pad(allowed.to(torch.int64), (0, -vocab % 32)).reshape(shape)
        return (padded << torch.arange(32, device=allowed.device)).sum(-1).to(torch.int32)
    module = _arrays.maker_for(allowed).module
    padded = module.zeros((*allowed.shape[:-1], shape[-2] * 32), "uint32")
    padded[..., :vocab] = allowed
    return (padded.reshape(shape) << module.arange(32, dtype="uint32")).sum(-1, dtype="uint32").view("int32")
