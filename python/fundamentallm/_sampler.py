# SPDX-License-Identifier: Apache-2.0
"""The sampler."""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from . import _arrays, _native
from ._edits import Edits
from ._filters import Filters
from ._history import History
from ._inputs import Parameters, add_filters, input_arrays, require
from ._result import Details, RandomStream, SampleResult, Top
from ._rows import integer
from ._sequences import Sequences
from ._shard import MOST_EXCHANGES, Shard
from ._types import Array, Bias, Ids, Integers, Reals

if TYPE_CHECKING:
    from typing_extensions import Unpack  # of typing from Python 3.11 on

_DTYPES = {"float32": 0, "float16": 1, "bfloat16": 2}
_BUFFER_FORMATS = {"f": "float32", "e": "float16"}


class Sampler:
    """Draws tokens on one device, or wherever the logits of a call are.

    device: "cpu", "cuda" or "cuda:N"; None: that of each call's logits
    threads: CPU threads, [1, 1024]; 0: one per core

    May be used from several threads at once; on the CPU one call is done after the other, without the GIL. After a fork the
    child starts threads of its own.
    Errors: ValueError, UnsupportedError where there is no such device, MemoryError.
    """

    def __init__(self, device: str | None = None, *, threads: int = 0) -> None:
        self._device = None if device is None else _parse_device(device)
        self._threads = integer("threads", threads, 0, 1024)
        self._natives: dict[tuple[int, tuple[int, int]], _native.Sampler] = {}
        if device is not None or threads != 0:
            self._native(self._device or (_arrays.CPU, 0))

    def _native(self, device: tuple[int, int]) -> _native.Sampler:
        device = self._device or device
        key = (os.getpid(), device)
        if key not in self._natives:
            threads = self._threads if device[0] == _arrays.CPU else 0
            self._natives.setdefault(key, _native.Sampler(device[0], device[1], threads))
        return self._natives[key]

    def describe(self, device: str = "cpu") -> str:
        """"cpu (2 threads, v4)", "cuda:0 (name, compute capability 9.0)"; of its only device where it has one."""
        return self._native(_parse_device(device)).description

    def workspace_bytes(self, logits: Array, *, blocks_per_row: int = 0) -> int:
        """Bytes of `workspace` for such logits, or for fewer rows of them."""
        rows, vocab = _shape(logits)
        dtype = str(getattr(logits, "dtype", None) or _BUFFER_FORMATS.get(getattr(logits, "format", ""))).rpartition(".")[2]
        if dtype not in _DTYPES:
            raise ValueError(f"logits: {dtype}: must be float32, float16 or bfloat16")
        return self._native(_arrays.device_of(logits)).workspace_bytes(
            rows, vocab, _DTYPES[dtype], integer("blocks_per_row", blocks_per_row, 0, 8))

    def sample(
        self,
        logits: Array,
        *,
        temperature: Reals | None = None,
        top_k: Integers | None = None,
        top_p: Reals | None = None,
        min_p: Reals | None = None,
        repetition_penalty: Reals | None = None,
        frequency_penalty: Reals | None = None,
        presence_penalty: Reals | None = None,
        seed: Integers | None = None,
        position: Integers | None = None,
        sample_index: Integers | None = None,
        fallback_id: Integers | None = None,
        generated: Integers | None = None,
        min_tokens: Integers | None = None,
        allow_mask: Array | None = None,
        mask_row: Integers | None = None,
        ban_ids: Ids | None = None,
        end_ids: Ids | None = None,
        bias: Bias | None = None,
        edits: Edits | None = None,
        history: History | None = None,
        history_slot: Integers | None = None,
        filters: Filters | None = None,
        sequences: Sequences | None = None,
        uniforms: Integers | None = None,
        random_stream: RandomStream = RandomStream.TARGET,
        advance: bool = False,
        blocks_per_row: int = 0,
        details: bool = False,
        top: int = 0,
        probabilities: bool = False,
        out: SampleResult | Array | None = None,
        workspace: Array | None = None,
        stream: Any = None,
    ) -> SampleResult:
        """Draws a token for every row of logits.

        logits: [rows, vocab] or [vocab] (one row); float32, float16 or bfloat16; vocab at most 2^20. Rows may be apart, the
            logits of a row not. Never copied or changed.

        A value a row. Each is a number for all rows, a list of numbers, or an array [rows] of the type given, on the device of
        the logits and without gaps. Numbers outside the range are refused; array elements outside are read as the nearest
        allowed value, for the host does not look at them. Default in brackets.

        temperature: float32 [1] at least 0; 0 is greedy
        top_k: int32 [off] keep the first k; 0 is off
        top_p: float32 [off] keep the smallest prefix with this mass; 1 is off
        min_p: float32 [off] [0, 1]; keep masses of at least this share of the largest
        repetition_penalty: float32 [1] more than 0; on every token of the history
        frequency_penalty: float32 [0] [-2, 2]; times the count in the output
        presence_penalty: float32 [0] [-2, 2]; once for a token of the output
        seed: uint64 or int64 [0]
        position: uint32 or int32 [0] of the drawn token in its sequence
        sample_index: uint32 or int32 [0] of the sample within its request
        fallback_id: int32 [0] the result where every token is forbidden
        generated: int32 [0] tokens generated so far
        min_tokens: int32 [0] end_ids are forbidden while generated < min_tokens
        mask_row: int32 [row i for row i] row of allow_mask; -1: everything is allowed
        history_slot: int32 [slot i for row i] slot of `history`, none twice; one outside: no history
        uniforms: uint64 or int64 [none] 64 random bits, in place of those of seed, position and sample_index

        Rows with the same seed, position and sample_index get the same random bits, whatever else is in the batch: give each
        sequence a seed, or each row its sample_index, and each step its position.

        allow_mask: [mask rows, words] 32-bit, or [words] for all rows: bit i % 32 of word i / 32 is 1 for an allowed id, see
            pack_mask
        ban_ids, end_ids, bias: see Edits
        edits: the same prepared, in their place
        history: what the penalties are about; without it they do nothing
        filters: further filters, see Filters
        sequences: what those look at and remember, see Sequences; given with filters alone
        random_stream: what the random bits are for
        advance: append each token to its history and sequence, write mirostat's state, and add 1 to the arrays position and
            generated
        blocks_per_row: on CUDA 1, 2, 4 or 8; 0: chosen by shape. No result depends on it

        details: whether to report probabilities, rank and kept set of each token, see Details
        top: how many first ids of the total order to report, at most 32, see Top
        probabilities: whether to return the distribution drawn from, [rows, vocab] float32
        out: a SampleResult whose arrays are written and which is returned, or an array [rows] int32 for the tokens. What is
            asked for and not in it is made.
        workspace: on CUDA `workspace_bytes` bytes, not shared by calls that may run at the same time; None: it is made
        stream: the CUDA stream of the call: a torch or cupy stream, or a pointer; it waits for no other one. None: the current
            one of torch or cupy. Of no effect on the CPU, where the call is over when it returns.

        Every number or list costs a small operation on CUDA; with arrays alone the call is one launch. It may be captured into
        a graph, which reads the arrays anew at each replay.

        Returns a SampleResult of arrays of the library of logits (numpy for others on the CPU).
        Errors: ValueError with every violation a line each, TypeError, UnsupportedError, DeviceLostError; outputs are then
        untouched.
        """
        rows, vocab = _shape(logits)
        top = integer("top", top, 0, 32)
        maker = _arrays.maker_for(logits, stream)
        with maker.on_stream():
            call = self._prepare(maker, logits, {
                "temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p,
                "repetition_penalty": repetition_penalty, "frequency_penalty": frequency_penalty,
                "presence_penalty": presence_penalty, "seed": seed, "position": position, "sample_index": sample_index,
                "fallback_id": fallback_id, "generated": generated, "min_tokens": min_tokens, "allow_mask": allow_mask,
                "mask_row": mask_row, "ban_ids": ban_ids, "end_ids": end_ids, "bias": bias, "edits": edits,
                "history": history, "history_slot": history_slot, "uniforms": uniforms, "random_stream": random_stream,
                "advance": advance, "blocks_per_row": blocks_per_row, "out": out, "workspace": workspace,
            })
            add_filters(rows, filters, sequences, call.arrays)
            result = call.result
            if details and result.details is None:
                result.details = Details(maker.empty((rows, 6), "int32"))
            if top != 0 and result.top is None:
                result.top = Top(maker.empty((rows, top, 3), "int32"))
            if probabilities and result.probabilities is None:
                result.probabilities = maker.empty((rows, vocab), "float32")
            if result.details is not None:
                call.arrays["details"] = result.details.words
            if result.top is not None:
                call.arrays["top"] = result.top.words
            if result.probabilities is not None:
                call.arrays["probabilities"] = result.probabilities
            call.native.sample(call.arrays, *call.how)
        return result

    def sample_shard(self, logits: Array, shard: Shard, *, step: int, last: bool = False,
                     **parameters: Unpack[Parameters]) -> SampleResult:
        """One step of a draw from logits that are spread over ranks: all come to the token that `sample` draws from the whole
        row, bit for bit, without gathering logits. Every rank takes step 0; then, as often as the rows need, the ranks add up
        `shard.words` and take the next step; the last one writes the tokens. `sample_sharded` is that loop.

        logits: [rows, slice] or [slice]: this rank's part of the vocabulary
        shard: which part that is, see Shard
        step: 0, 1, ...
        last: whether to write tokens; step is then at least 1
        parameters: those of `sample` but for filters, sequences, details, top and probabilities, the same on all ranks and in
            all steps, with the ids of the whole vocabulary. Arrays and histories advance in the last step.

        Exchanges that a row needs:
            1   temperature 0, top_k up to shard.list_size, whatever else; +inf; all tokens forbidden
            3   neither top_k nor top_p
            6   top_p or a larger top_k
            10  both
        A row that had fewer has RowStatus.UNDECIDED, and its most likely id.

        Returns a SampleResult, which holds nothing before the last step.
        Errors: as `sample`.
        """
        maker = _arrays.maker_for(logits, parameters.get("stream"))
        with maker.on_stream():
            call = self._prepare(maker, logits, parameters)
            call.take_step(shard, integer("step", step, 0, (1 << 31) - 1), last)
        return call.result

    def sample_sharded(self, logits: Array, shard: Shard, all_reduce: Callable[[Any], Any], *, exchanges: int | None = None,
                       **parameters: Unpack[Parameters]) -> SampleResult:
        """All steps of `sample_shard`. Every rank makes the same call.

        logits, shard, parameters: see sample_shard
        all_reduce: called with `shard.words` between steps, on the call's stream; puts the sum over all ranks in their place,
            as torch.distributed.all_reduce does
        exchanges: [1, 10] how often that is; None: as often as temperature, top_k and top_p may need, 10 times where one of
            them is an array

        Returns a SampleResult. Errors: as `sample`, and what all_reduce raises.
        """
        maker = _arrays.maker_for(logits, parameters.get("stream"))
        with maker.on_stream():
            call = self._prepare(maker, logits, parameters)
            if exchanges is None:
                exchanges = require(shard, Shard, "shard").exchanges(_shape(logits)[0], parameters)
            steps = 1 + integer("exchanges", exchanges, 1, MOST_EXCHANGES)
            for step in range(steps):
                if step > 0:
                    all_reduce(shard.words)
                call.take_step(shard, step, step == steps - 1)
        return call.result

    def _prepare(self, maker: Any, logits: Any, parameters: Parameters) -> _Call:
        rows, _ = _shape(logits)
        random_stream = integer("random_stream", parameters.get("random_stream", RandomStream.TARGET), 0, max(RandomStream))
        blocks_per_row = integer("blocks_per_row", parameters.get("blocks_per_row", 0), 0, 8)
        advance = bool(parameters.get("advance", False)) and rows > 0
        native = self._native(maker.device)
        arrays = input_arrays(maker, rows, advance, parameters)
        out = parameters.get("out")
        result = out if isinstance(out, SampleResult) else SampleResult(out)
        if result.tokens is None:
            result.tokens = maker.empty((rows,), "int32")
        if result.status is None:
            result.status = maker.empty((rows,), "uint32")
        arrays.update(logits=logits, tokens=result.tokens, status=result.status)
        workspace = parameters.get("workspace")
        if workspace is None and maker.device[0] == _arrays.CUDA:
            workspace = maker.empty((self.workspace_bytes(logits, blocks_per_row=blocks_per_row),), "uint8")
        if workspace is not None:
            arrays["workspace"] = workspace
        return _Call(native, arrays, result, (random_stream, blocks_per_row, advance, maker.stream))


class _Call(NamedTuple):
    """What a launch, or each step of a sharded draw, is made of."""

    native: _native.Sampler
    arrays: dict[str, Any]
    result: SampleResult
    how: tuple[int, int, bool, int]

    def take_step(self, shard: Shard, step: int, last: bool) -> None:
        self.native.sample_shard(self.arrays, require(shard, Shard, "shard").step(step, last), *self.how)


def _parse_device(device: str) -> tuple[int, int]:
    kind, _, index = device.partition(":")
    if device == "cpu":
        return _arrays.CPU, 0
    if kind == "cuda" and (not index or index.isdecimal()) and device != "cuda:":
        return _arrays.CUDA, int(index or 0)
    raise ValueError(f'device: {device!r}: must be "cpu", "cuda" or "cuda:N"')


def _shape(logits: Any) -> tuple[int, int]:
    shape = tuple(getattr(logits, "shape", ()) or ())
    if len(shape) not in (1, 2):
        raise ValueError(f"logits: {type(logits).__name__} of shape {list(shape)}: must be an array [rows, vocab] or [vocab]")
    return (int(shape[0]) if len(shape) == 2 else 1), int(shape[-1])


default_sampler = Sampler()
