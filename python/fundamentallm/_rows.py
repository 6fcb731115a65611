# SPDX-License-Identifier: Apache-2.0
"""Parameters that have one value a row."""
from __future__ import annotations

import numbers
from typing import Any, Callable, NamedTuple, cast

from . import _arrays


_INT32 = (1 << 31) - 1
_FLOAT32_MAX = 3.4028234663852886e38


class Parameter(NamedTuple):
    dtype: str
    allows: Callable[[Any], bool]
    allowed: str
    distinct: bool = False  # the values that are not negative


def is_finite_float32(value: Any) -> bool:
    return isinstance(value, numbers.Real) and abs(cast(float, value)) <= _FLOAT32_MAX


def is_integer(value: Any, low: int, high: int) -> bool:
    """Whether it is one in [low, high]; numpy's are."""
    return isinstance(value, numbers.Integral) and low <= int(value) <= high


def integer(name: str, value: Any, low: int, high: int) -> int:
    """ValueError unless it is one in [low, high]."""
    if not is_integer(value, low, high):
        raise ValueError(f"{name}: {value!r}: must be an integer in [{low}, {high}]")
    return int(value)


def _real(allows: Callable[[float], bool], allowed: str) -> Parameter:
    return Parameter("float32", lambda v: is_finite_float32(v) and allows(v), allowed)


def _integer(dtype: str, low: int, high: int, allowed: str, distinct: bool = False) -> Parameter:
    return Parameter(dtype, lambda v: is_integer(v, low, high), allowed, distinct)


def _slots() -> Parameter:
    return _integer("int32", -1, _INT32, "must be distinct integers in [-1, 2^31) (-1 is none)", distinct=True)


PARAMETERS = {
    "temperature": _real(lambda v: v >= 0, "must be finite and at least 0 (0 is greedy)"),
    "top_k": _integer("int32", -_INT32 - 1, _INT32, "must be a 32-bit integer (0 is off)"),
    "top_p": _real(lambda v: v >= 0, "must be finite and at least 0 (1 is off)"),
    "min_p": _real(lambda v: 0 <= v <= 1, "must be in [0, 1] (0 is off)"),
    "repetition_penalty": _real(lambda v: v > 0, "must be finite and more than 0 (1 is off)"),
    "frequency_penalty": _real(lambda v: -2 <= v <= 2, "must be in [-2, 2] (0 is off)"),
    "presence_penalty": _real(lambda v: -2 <= v <= 2, "must be in [-2, 2] (0 is off)"),
    "seed": _integer("uint64", 0, (1 << 64) - 1, "must be an integer in [0, 2^64)"),
    "position": _integer("uint32", 0, (1 << 32) - 1, "must be an integer in [0, 2^32)"),
    "sample_index": _integer("uint32", 0, (1 << 32) - 1, "must be an integer in [0, 2^32)"),
    "fallback_id": _integer("int32", 0, _INT32, "must be an integer in [0, 2^31)"),
    "generated": _integer("int32", 0, _INT32, "must be an integer in [0, 2^31)"),
    "min_tokens": _integer("int32", 0, _INT32, "must be an integer in [0, 2^31)"),
    "mask_row": _integer("int32", -1, _INT32, "must be an integer in [-1, 2^31) (-1 allows everything)"),
    "history_slot": _slots(),
    "slots": _slots(),
    "uniforms": _integer("uint64", 0, (1 << 64) - 1, "must be an integer in [0, 2^64)"),
    "typical_p": _real(lambda v: v >= 0, "must be finite and at least 0 (1 is off)"),
    "top_n_sigma": _real(lambda v: 0 <= v <= 100, "must be in [0, 100] (0 is off)"),
    "xtc_probability": _real(lambda v: 0 <= v <= 1, "must be in [0, 1] (0 is off)"),
    "xtc_threshold": _real(lambda v: 0 <= v <= 1, "must be in [0, 1] (1 is off)"),
    "mirostat_tau": _real(lambda v: v >= 0, "must be finite and at least 0 (0 is off)"),
    "mirostat_eta": _real(lambda v: v >= 0, "must be finite and at least 0"),
    "no_repeat_ngram": _integer("int32", 0, 64, "must be an integer in [0, 64] (0 is off)"),
    "dry_multiplier": _real(lambda v: v >= 0, "must be finite and at least 0 (0 is off)"),
    "dry_base": _real(lambda v: v >= 1, "must be finite and at least 1"),
    "dry_allowed_length": _integer("int32", 1, _INT32, "must be an integer in [1, 2^31)"),
    "dry_range": _integer("int32", 0, _INT32, "must be an integer in [0, 2^31) (0 is everything)"),
    "sequence_slot": _slots(),
    "history_begin": _integer("int32", 0, _INT32, "must be an integer in [0, 2^31)"),
}


class RowInputs:
    """Turns values into arrays of one element a row; arrays are passed through. Numbers are checked here, arrays are not:
    device memory is never read by the host."""

    def __init__(self, maker: Any, rows: int) -> None:
        self._maker = maker
        self._rows = rows
        self._violations: list[str] = []

    def array(self, name: str, value: Any) -> Any:
        """None after a violation."""
        is_number = isinstance(value, numbers.Number)
        if _arrays.is_array(value) and not is_number:
            return value
        dtype = PARAMETERS[name].dtype
        if is_number:
            return self._maker.full(self._rows, value, dtype) if self._check(name, value) else None
        values = self.values(name, value)
        return None if values is None else self._maker.array(values, dtype)

    def values(self, name: str, value: Any) -> list[Any] | None:
        """A number for each row. An array's are read, which waits for its device. None after a violation."""
        if isinstance(value, numbers.Number):
            return [value] * self._rows if self._check(name, value) else None
        try:
            values = list(value.tolist() if hasattr(value, "tolist") else value)
        except TypeError:
            self._violations.append(f"{name}: {type(value).__name__}: must be a number, a list of numbers or an array")
            return None
        if len(values) != self._rows:
            self._violations.append(f"{name}: {len(values)} values: must be one for each of {self._rows} rows")
            return None
        good = all([self._check(name, v) for v in values])
        if good and PARAMETERS[name].distinct:
            used = [v for v in values if v >= 0]
            good = all([self._check(name, v, used.count(v) == 1) for v in sorted(set(used))])
        return values if good else None

    def _check(self, name: str, value: Any, also: bool = True) -> bool:
        good = PARAMETERS[name].allows(value) and also
        if not good:
            self._violations.append(f"{name}: {value!r}: {PARAMETERS[name].allowed}")
        return good

    def refuse_violations(self) -> None:
        """ValueError with every violation, one a line."""
        if self._violations:
            raise ValueError("\n".join(self._violations))
