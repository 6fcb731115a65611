# SPDX-License-Identifier: Apache-2.0
"""Hugging Face generation with this library's sampler.

    from fundamentallm.hf import SamplerProcessor
    model.generate(ids, do_sample=True, logits_processor=[SamplerProcessor(temperature=0.8, top_p=0.9, seed=7)])

The processor draws the token and leaves it as the only one with a finite score, so that whatever generate does next
(temperature, top-k, its own draw) can but choose it. Needs torch; transformers is not imported.
"""
from __future__ import annotations

from typing import Any, Mapping

from ._edits import Edits
from ._filters import Filters
from ._history import History
from ._sampler import Sampler, default_sampler
from ._sequences import Sequences
from ._types import Bias, Ids, Integers, Reals

__all__ = ["SamplerProcessor"]

_PENALTIES = ("repetition_penalty", "frequency_penalty", "presence_penalty")
_ROOM = 256  # tokens that sequences have room for beyond the prompt, at first


class SamplerProcessor:
    """A logits processor for `generate(..., logits_processor=[...])`, the last one of the list; not for beam search.

    temperature, top_k, top_p, min_p, repetition_penalty, frequency_penalty, presence_penalty, seed, min_tokens: as in
        fundamentallm.sample: numbers, lists or arrays of one value a row
    sample_index: the same; None: row i has i, so that rows with one seed differ
    end_ids, ban_ids, bias: see fundamentallm.Edits
    filters: parameters of fundamentallm.Filters by their names, {"typical_p": 0.9, "no_repeat_ngram": 3} for instance; all but
        sequence_slot, rows and like
    pad_id: fills up prompts from the left; it is then no part of them. None: there is no such id
    sampler: a fundamentallm.Sampler; None: the default one
    details, top: keep these in `result`

    result: the SampleResult of the last step

    The position of a token is its index in its sequence, padding not counted, so neither the rest of the batch nor where a text
    was interrupted changes what a seed gives. (Mirostat is the exception: its state begins with each generation.) Penalties and
    filters see the drawn tokens. A call that does not continue the previous one begins a new generation. Not for several
    generations at once.
    """

    def __init__(self, *, temperature: Reals | None = None, top_k: Integers | None = None, top_p: Reals | None = None,
                 min_p: Reals | None = None, repetition_penalty: Reals | None = None, frequency_penalty: Reals | None = None,
                 presence_penalty: Reals | None = None, seed: Integers | None = None, sample_index: Integers | None = None,
                 min_tokens: Integers | None = None, end_ids: Ids | None = None, ban_ids: Ids | None = None,
                 bias: Bias | None = None, filters: Mapping[str, Any] | None = None, pad_id: int | None = None,
                 sampler: Sampler | None = None, details: bool = False, top: int = 0) -> None:
        parameters: dict[str, Any] = {
            "temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p,
            "repetition_penalty": repetition_penalty, "frequency_penalty": frequency_penalty,
            "presence_penalty": presence_penalty, "seed": seed, "sample_index": sample_index, "min_tokens": min_tokens,
        }
        self._parameters = {name: value for name, value in parameters.items() if value is not None}
        self._lists: dict[str, Any] = {"end_ids": end_ids, "ban_ids": ban_ids, "bias": bias}
        self._filters = filters
        self._pad_id = pad_id
        self._sampler = sampler if sampler is not None else default_sampler
        self._outputs: dict[str, Any] = {"details": details, "top": top}
        self._generation: _Generation | None = None
        self.result: Any = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """input_ids: [rows, length] int64; scores: [rows, vocab]. Returns scores of -inf, 0 for the drawn ids."""
        rows, vocab = scores.shape
        if self._generation is None or not self._generation.continues_with(input_ids):
            self._generation = self._begin(input_ids, scores)
        self.result = self._sampler.sample(scores, advance=True, **self._generation.step(input_ids),
                                           **{"sample_index": range(rows), **self._parameters}, **self._outputs)
        chosen = scores.new_full((rows, vocab), -float("inf"))
        return chosen.scatter_(1, self.result.tokens.to(input_ids.dtype)[:, None], 0.0)

    def _begin(self, input_ids: Any, scores: Any) -> _Generation:
        rows, vocab = scores.shape
        generation = _Generation(input_ids, self._pad_id)
        generation.arguments["edits"] = Edits(rows, like=scores, **self._lists)
        if any(name in self._parameters for name in _PENALTIES):
            history = History(rows, min(vocab, 1 << 20), vocab, like=scores, sampler=self._sampler)
            history.append(generation.prompts, output=False)
            generation.arguments["history"] = history
        if self._filters is not None:
            sequences = Sequences(rows, input_ids.shape[1] + _ROOM, like=scores)
            sequences.put(generation.prompts)
            generation.arguments.update(filters=Filters(rows, like=scores, **self._filters), sequences=sequences)
        return generation


class _Generation:
    """What is kept between the steps of one call of generate; the draws advance it."""

    def __init__(self, input_ids: Any, pad_id: int | None) -> None:
        self._seen = input_ids
        padding = _left_padding(input_ids, pad_id)
        self.prompts = [ids[skipped:] for ids, skipped in zip(input_ids.tolist(), padding.tolist())]
        position = _int32(input_ids.shape[1] - padding)
        self.arguments: dict[str, Any] = {"position": position, "generated": position * 0}

    def continues_with(self, input_ids: Any) -> bool:
        """Whether these are the ids of the last step and one more each."""
        return (input_ids.device == self._seen.device and input_ids.shape[0] == self._seen.shape[0]
                and input_ids.shape[1] == self._seen.shape[1] + 1 and bool((input_ids[:, :-1] == self._seen).all()))

    def step(self, input_ids: Any) -> dict[str, Any]:
        """What to give to sample."""
        self._seen = input_ids
        sequences, needed = self.arguments.get("sequences"), input_ids.shape[1] + 1
        if sequences is not None and sequences.capacity < needed:
            sequences.reserve(2 * needed)
        return self.arguments


def _left_padding(input_ids: Any, pad_id: int | None) -> Any:
    """[rows]: leading ids that are padding."""
    import torch
    if pad_id is None:
        return torch.zeros(input_ids.shape[0], dtype=torch.int64, device=input_ids.device)
    return (input_ids != pad_id).to(torch.int64).cumsum(1).eq(0).sum(1)


def _int32(tensor: Any) -> Any:
    import torch
    return tensor.to(torch.int32)
