# SPDX-License-Identifier: Apache-2.0
"""What a call reads, as arrays by the names of the library's tensors."""
from __future__ import annotations

import numbers
from typing import Any, TypedDict

from . import _arrays
from ._edits import Edits, _edit_arrays
from ._filters import Filters
from ._history import History
from ._result import RandomStream, SampleResult
from ._rows import RowInputs
from ._sequences import Sequences
from ._types import Array, Bias, Ids, Integers, Reals


class Parameters(TypedDict, total=False):
    """What every call that draws takes, see Sampler.sample. Those in _OTHERS are not one value a row."""

    temperature: Reals | None
    top_k: Integers | None
    top_p: Reals | None
    min_p: Reals | None
    repetition_penalty: Reals | None
    frequency_penalty: Reals | None
    presence_penalty: Reals | None
    seed: Integers | None
    position: Integers | None
    sample_index: Integers | None
    fallback_id: Integers | None
    generated: Integers | None
    min_tokens: Integers | None
    allow_mask: Array | None
    mask_row: Integers | None
    ban_ids: Ids | None
    end_ids: Ids | None
    bias: Bias | None
    edits: Edits | None
    history: History | None
    history_slot: Integers | None
    uniforms: Integers | None
    random_stream: RandomStream
    advance: bool
    blocks_per_row: int
    out: SampleResult | Array | None
    workspace: Array | None
    stream: Any


_LISTS = ("ban_ids", "end_ids", "bias")
_OTHERS = (*_LISTS, "allow_mask", "edits", "history", "random_stream", "advance", "blocks_per_row", "out", "workspace", "stream")


def input_arrays(maker: Any, rows: int, advance: bool, parameters: Parameters) -> dict[str, Any]:
    """What the call reads of the parameters. Errors: those of Sampler.sample."""
    unknown = [name for name in parameters if name not in Parameters.__annotations__]
    if unknown:
        raise TypeError(f"{unknown[0]}: unexpected keyword argument")
    given: dict[str, Any] = {name: value for name, value in parameters.items() if value is not None}
    arrays = _row_arrays(maker, rows, {name: value for name, value in given.items() if name not in _OTHERS}, advance)
    if "allow_mask" in given:
        _add_mask(maker, rows, given["allow_mask"], arrays)
    if "history" in given:
        _add_history(maker, rows, given["history"], arrays)
    lists = {name: given.get(name) for name in _LISTS}
    is_listed = any(name in given for name in _LISTS)
    if "edits" in given:
        if is_listed:
            raise ValueError("edits: given with ban_ids, end_ids or bias: must be given alone")
        arrays.update(require(given["edits"], Edits, "edits").arrays)
    elif is_listed:
        arrays.update(_edit_arrays(maker, rows, **lists))
    return arrays


def add_filters(rows: int, filters: Any, sequences: Any, arrays: dict[str, Any]) -> None:
    if filters is None:
        if sequences is not None:
            raise ValueError("sequences: given without filters: must be given with filters alone")
        return
    made = dict(require(filters, Filters, "filters").arrays)
    if sequences is not None:
        made.update(require(sequences, Sequences, "sequences").arrays)
        if not filters.has_slots and rows > sequences.slots:
            raise ValueError(
                f"sequences: {sequences.slots} slots: must have one for each of {rows} rows, or sequence_slot be given to Filters")
    if filters.readers and "sequence_tokens" not in made:
        raise ValueError(
            f"filters: {', '.join(filters.readers)} without sequences: must be given with sequences, which they read")
    if rows > 0:  # without elements an array counts as not given, which the others want
        arrays.update(made)


def require(value: Any, kind: type, name: str) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{name}: {type(value).__name__}: must be a fundamentallm.{kind.__name__}")
    return value


def _row_arrays(maker: Any, rows: int, values: dict[str, Any], advance: bool) -> dict[str, Any]:
    inputs = RowInputs(maker, rows)
    arrays = {name: inputs.array(name, value) for name, value in values.items()}
    inputs.refuse_violations()
    for name in ("position", "generated"):
        if advance and isinstance(values.get(name), (numbers.Number, list, tuple)):
            raise ValueError(f"{name}: {values[name]!r}: must be an array, which advance writes")
    return arrays


def _add_mask(maker: Any, rows: int, allow_mask: Any, arrays: dict[str, Any]) -> None:
    if not _arrays.is_array(allow_mask):
        raise TypeError(f"allow_mask: {type(allow_mask).__name__}: must be an array, see pack_mask")
    if len(allow_mask.shape) == 1:
        allow_mask = allow_mask.reshape(1, -1)
        arrays.setdefault("mask_row", maker.full(rows, 0, "int32"))
    arrays["allow_mask"] = allow_mask


def _add_history(maker: Any, rows: int, history: History, arrays: dict[str, Any]) -> None:
    require(history, History, "history")
    if rows == 0:  # without elements history_slot counts as not given
        return
    arrays["history_entries"] = history.entries
    arrays["history_sizes"] = history.sizes
    if "history_slot" not in arrays:
        if rows > history.slots:
            raise ValueError(f"history: {history.slots} slots: must have one for each of {rows} rows, or history_slot be given")
        arrays["history_slot"] = maker.arange(rows)
