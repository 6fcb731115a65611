# SPDX-License-Identifier: Apache-2.0
"""Filters beyond top-k, top-p and min-p."""
from __future__ import annotations

import numbers
import struct
from typing import Any, Iterable, Sequence

from . import _arrays
from ._edits import _ids, _is_id, _offsets, _per_row
from ._rows import RowInputs, integer
from ._types import Array, Ids, Integers, Reals, Words

_ROW = struct.Struct("=5i2f4i6f")  # fllm_row_filters, in the order of _row_words
_DEFAULTS: dict[str, Any] = {
    "typical_p": 1, "top_n_sigma": 0, "xtc_probability": 0, "xtc_threshold": 0.1, "mirostat_tau": 0, "mirostat_eta": 0.1,
    "no_repeat_ngram": 0, "dry_multiplier": 0, "dry_base": 1.75, "dry_allowed_length": 2, "dry_range": 0, "history_begin": 0,
}


class Filters:
    """Further filters of a batch, as arrays on its device. Prepare them once, give them to many calls, in any mixture and with
    any other parameter; what each does is defined in docs/sampling.md.

    rows: of the logits.
    like: an array whose library and device the arrays share, such as the logits.

    A number for all rows, or a list of one a row; an array's elements are read, which waits for its device. Default in brackets.

    typical_p: [1] at least 0; keep the ids nearest to the expected surprise, of this mass; 1 is off
    top_n_sigma: [0] [0, 100]; keep what is at most so many standard deviations below the largest logit; 0 is off
    xtc_probability: [0] [0, 1]; of removing the ids at or above xtc_threshold, but the last of them; 0 is off
    xtc_threshold: [0.1] [0, 1], a share of the mass; 1 is off
    mirostat_tau: [0] bits, at least 0; the surprise to keep to; 0 is off. Its state is in Sequences; without them or without
        advance it is that of a new sequence
    mirostat_eta: [0.1] at least 0; how fast
    no_repeat_ngram: [0] [0, 64]; no n tokens occur twice in a sequence; 0 is off
    dry_multiplier: [0] at least 0; penalty on what would prolong a repetition; 0 is off
    dry_base: [1.75] at least 1; by which it grows with the repetition's length
    dry_allowed_length: [2] at least 1; the shortest repetition that is penalised
    dry_range: [0] last tokens that are looked at; 0: all
    sequence_slot: [slot i for row i] slot of the call's Sequences, none twice; one outside: no sequence
    history_begin: [0] tokens of the sequence in front of it take no part: 0 counts the prompt, its length leaves it out

    dry_breakers: ids that no repetition reaches over: a list for all rows, or one list a row.
    bad_words: lists of ids whose last id is not drawn after the ones in front of it: for all rows, or one such list a row.

    dry_multiplier, no_repeat_ngram and bad_words of several ids need the call to have Sequences. Ids beyond the vocabulary are
    passed over. ValueError for anything else that is not said here.
    """

    __slots__ = ("arrays", "has_slots", "readers")

    def __init__(self, rows: int, *, typical_p: Reals | None = None, top_n_sigma: Reals | None = None,
                 xtc_probability: Reals | None = None, xtc_threshold: Reals | None = None, mirostat_tau: Reals | None = None,
                 mirostat_eta: Reals | None = None, no_repeat_ngram: Integers | None = None,
                 dry_multiplier: Reals | None = None, dry_base: Reals | None = None,
                 dry_allowed_length: Integers | None = None, dry_range: Integers | None = None,
                 dry_breakers: Ids | None = None, bad_words: Words | None = None, sequence_slot: Integers | None = None,
                 history_begin: Integers | None = None, like: Array) -> None:
        rows = integer("rows", rows, 0, (1 << 31) - 1)
        values: dict[str, Any] = {
            "typical_p": typical_p, "top_n_sigma": top_n_sigma, "xtc_probability": xtc_probability,
            "xtc_threshold": xtc_threshold, "mirostat_tau": mirostat_tau, "mirostat_eta": mirostat_eta,
            "no_repeat_ngram": no_repeat_ngram, "dry_multiplier": dry_multiplier, "dry_base": dry_base,
            "dry_allowed_length": dry_allowed_length, "dry_range": dry_range, "history_begin": history_begin,
        }
        values = {name: _DEFAULTS[name] if value is None else value for name, value in values.items()}
        self.has_slots = sequence_slot is not None
        maker = _arrays.maker_for(like)
        inputs = RowInputs(maker, rows)
        columns: dict[str, Any] = {name: inputs.values(name, value) for name, value in values.items()}
        columns["sequence_slot"] = inputs.values("sequence_slot", sequence_slot if self.has_slots else range(rows))
        inputs.refuse_violations()
        breakers, columns["dry_breakers"] = _table(_ids("dry_breakers", [] if dry_breakers is None else dry_breakers, rows))
        words, columns["bad_words"] = _table(_words([] if bad_words is None else bad_words, rows))
        #: Which of the parameters read sequences.
        self.readers = [name for name in ("dry_multiplier", "no_repeat_ngram") if any(columns[name])]
        self.readers += ["bad_words"] * any(len(word) > 1 for word in words)
        names = list(columns)
        packed = [word for row in zip(*columns.values()) for word in _row_words(dict(zip(names, row)))]
        self.arrays = {"filters": maker.array(packed, "int32").reshape(rows, 17)}
        if breakers:
            self.arrays["breaker_ids"] = maker.array(breakers, "int32")
        if words:
            self.arrays["word_offsets"] = maker.array(_offsets(words), "int32")
            self.arrays["word_ids"] = maker.array([i for word in words for i in word], "int32")

    @classmethod
    def from_arrays(cls, filters: Array, *, word_offsets: Array | None = None, word_ids: Array | None = None,
                    breaker_ids: Array | None = None) -> Filters:
        """Of arrays that are on the device already; they are used, not copied. A value outside its range is read as the nearest
        allowed one, NaN as the default.

        filters: [rows, 17] 32-bit, the library's structure fllm_row_filters
        word_offsets: [words + 1] int32; word i of bad_words is word_ids[word_offsets[i]:word_offsets[i + 1]]
        word_ids: [ids] int32, given with word_offsets
        breaker_ids: [ids] int32
        """
        made = cls.__new__(cls)
        given = {"filters": filters, "word_offsets": word_offsets, "word_ids": word_ids, "breaker_ids": breaker_ids}
        made.arrays = {name: array for name, array in given.items() if array is not None}
        made.has_slots, made.readers = True, []
        return made


def _row_words(row: dict[str, Any]) -> tuple[int, ...]:
    packed = _ROW.pack(
        row["sequence_slot"], row["history_begin"], *row["bad_words"], row["no_repeat_ngram"], row["dry_multiplier"],
        row["dry_base"], row["dry_allowed_length"], row["dry_range"], *row["dry_breakers"], row["top_n_sigma"],
        row["typical_p"], row["xtc_probability"], row["xtc_threshold"], row["mirostat_tau"], row["mirostat_eta"])
    return struct.unpack("=17i", packed)


def _table(lists: Iterable[Sequence[Any]]) -> tuple[list[Any], list[tuple[int, int]]]:
    """The lists one after the other, equal ones once, and the (begin, end) of each."""
    flat: list[Any] = []
    ranges: dict[tuple[Any, ...], tuple[int, int]] = {}
    keys = [tuple(items) for items in lists]
    for key in keys:
        if key not in ranges:
            ranges[key] = (len(flat), len(flat) + len(key))
            flat.extend(key)
    return flat, [ranges[key] for key in keys]


def _words(value: Words, rows: int) -> list[list[tuple[int, ...]]]:
    """The words of each row; an empty one says nothing and is left out."""
    try:
        lists = [list(items) for items in value]
        per_row = _per_row("bad_words", lists, rows, lambda v: all(isinstance(i, numbers.Number) for word in v for i in word))
        words = [[tuple(word) for word in row] for row in per_row]
    except TypeError:
        raise ValueError(
            "bad_words: must be lists of ids, or a list of such lists for each row (ban_ids has single ids)") from None
    bad = [i for row in words for word in row for i in word if not _is_id(i)]
    if bad:
        raise ValueError(f"bad_words: {bad[0]!r}: token ids are integers in [0, 2^31)")
    return [[word for word in row if word] for row in words]
