# SPDX-License-Identifier: Apache-2.0
"""From prompts to text: a model, and a batch that requests join and leave."""
from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from ._constraint import Constraint
from ._native import UnsupportedError

if TYPE_CHECKING:
    from typing_extensions import Unpack  # of typing from Python 3.11 on

    from . import _generator


class Options(TypedDict, total=False):
    """How a request is continued; what is missing or None has its default."""

    max_tokens: int
    max_length: int | None
    min_tokens: int
    min_length: int | None
    num_samples: int
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repetition_penalty: float
    frequency_penalty: float
    presence_penalty: float
    penalty_window: int
    logit_bias: Mapping[int, float]
    seed: int | None
    stop: str | Sequence[str]
    stop_ids: Sequence[int]
    keep_stop: bool
    prefix: str
    banned_text: str | Sequence[str]
    banned_ids: Sequence[int]
    choices: str | Sequence[str]
    regex: str
    json_schema: str | Mapping[str, Any] | bool
    any_order: bool
    json: bool
    speakers: str | Sequence[str]
    turns: int
    constraint: Constraint
    logprobs: int | None
    truncate_prompt: bool
    beam_width: int | None
    num_return: int
    length_norm: str | None
    length_penalty: float | None
    beam_stop: str | None
    beam_profile: str | None
    beam_sample: bool
    diversity_groups: int
    diversity_penalty: float
    speculation: str | None
    draft_tokens: int | None
    prompt_lookup: int
    draft_forced: bool


class Logprob(NamedTuple):
    """Log-probabilities (natural) of one token: raw of the model's own logits, processed within the kept set."""

    id: int
    raw: float
    processed: float


class TokenDetail(NamedTuple):
    """One drawn token, how many ids precede it, and the most likely ones."""

    drawn: Logprob
    rank: int
    top: list[Logprob]


@dataclass(frozen=True)
class Sample:
    """One continuation of a prompt."""

    text: str  #: the generated part
    tokens: list[int]  #: generated ids, an end token included
    finish_reason: str  #: eos, stop_token, stop_string, length, context, incomplete, dead_end, cancelled or error
    sum_logprob: float  #: raw, over tokens
    mean_logprob: float
    logprobs: list[TokenDetail]  #: one per token where `logprobs` was given
    error: str | None  #: what ended it, where finish_reason is error or dead_end
    beam_sum: float | None = None  #: of a beam search's hypothesis: the sum of its log-probabilities after edits
    beam_score: float | None = None  #: that sum by the length norm: what hypotheses are ordered by
    beam_logprobs: list[float] | None = None  #: one per token, after edits


@dataclass(frozen=True)
class Speculation:
    """What came of guessing ahead, over all samples."""

    steps: int  #: the model was asked what comes next
    drafted_steps: int  #: of these with drafts
    drafted_tokens: int
    accepted_tokens: int  #: drafts that became output
    tokens: int  #: of the output, in these steps

    @property
    def acceptance_rate(self) -> float:
        """Of the drafts; 0 where there are none."""
        return self.accepted_tokens / self.drafted_tokens if self.drafted_tokens else 0.0

    @property
    def mean_accepted_length(self) -> float:
        """Drafts accepted in a step that has some; 0 where none has."""
        return self.accepted_tokens / self.drafted_steps if self.drafted_steps else 0.0

    @property
    def tokens_per_step(self) -> float:
        """Tokens that a step of the model brings; 0 where there was none."""
        return self.tokens / self.steps if self.steps else 0.0


@dataclass(frozen=True)
class Completion:
    """The result of one prompt."""

    samples: list[Sample]
    seed: int
    prompt_tokens: int
    completion_tokens: int  #: over all samples
    cached_tokens: int  #: of the prompt: shared with an earlier one, and not read again
    speculation: Speculation | None = None  #: of a request that guesses ahead

    @property
    def text(self) -> str:
        """The first sample's text."""
        return self.samples[0].text


class Generator:
    """Turns prompts into text with a model.

    A prompt is a text or a list of token ids. Calls of any number of threads share one batch, which each of them helps
    along while it waits; the GIL is released meanwhile. The same seed gives the same text, alone or among others.

    path: a model file, or a folder with one; None: the bundled character model, from $FLLM_MODEL_DIR/shakespeare or
        share/fundamentallm/models/shakespeare of this Python's prefix
    device: "auto", "cpu", "cuda" or "cuda:N"
    threads: of the CPU; 0: one per core
    max_rows: samples decoded together, [1, 4096]
    kv_memory: bytes of keys and values; 0: for max_rows full contexts, at most half of what is free
    prefill_tokens: of prompts in one step, [16, 65536]: longer ones are read over several steps
    prefix_cache: whether prompts with the same beginning share its keys and values; no text depends on it
    dtype: of the weights that are multiplied: auto (what the file has), fp32, and on CUDA fp16 or bf16
    draft_model: a small model with the same tokenizer, for requests that speculate

    Errors: UnsupportedError where the package was built without the generator, or for a device that is not there;
    FileNotFoundError, ValueError, MemoryError, Error.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, device: str = "auto", threads: int = 0, max_rows: int = 256,
                 kv_memory: int = 0, prefill_tokens: int = 512, prefix_cache: bool = True,
                 dtype: str = "auto", draft_model: str | os.PathLike[str] | None = None) -> None:
        native = _module()
        self._native: _generator.Generator = native.Generator(
            os.fspath(path) if path is not None else _bundled(), device, threads, max_rows, kv_memory, prefill_tokens, prefix_cache, dtype,
            os.fspath(draft_model) if draft_model is not None else "")

    @property
    def info(self) -> dict[str, Any]:
        """What the model is: path, architecture, device, tokenizer, parameter_count, vocab_size, context_length, ..."""
        return self._native.info()

    @property
    def metrics(self) -> dict[str, int]:
        """What the batch is doing and has done, at this moment: queued_requests, running_rows, blocks_total, blocks_used,
        blocks_free, blocks_cached (of 16 tokens each), steps, tokens_generated, prompt_tokens, prefix_hit_tokens,
        requests_finished; speculative_steps, drafted_steps, drafted_tokens, accepted_tokens, speculative_tokens."""
        return self._native.metrics()

    def encode(self, text: str) -> list[int]:
        """Text to token ids."""
        return self._native.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Token ids to text, special ones dropped."""
        return self._native.decode(list(ids))

    @property
    def token_bytes(self) -> list[bytes]:
        """What each token adds to an output, by id: not always whole characters; empty for special tokens."""
        return self._native.token_bytes()

    @property
    def end_ids(self) -> list[int]:
        """The tokens that end a text, ascending."""
        return self._native.end_ids()

    def generate(self, prompts: Sequence[str | Sequence[int]], **options: Unpack[Options]) -> list[Completion]:
        """Continues all prompts together; the results in their order.

        prompts: texts or lists of token ids
        options: for each of them
            max_tokens (200), min_tokens: of the output; max_length, min_length: of prompt and output
            num_samples: continuations of each prompt (1)
            temperature (1; 0 is greedy), top_k, top_p, min_p: see the project's docs/sampling.md
            repetition_penalty, frequency_penalty, presence_penalty, penalty_window; logit_bias: {id: number}
            seed: the same one for every prompt; None: random, reported in the result
            stop: texts that end the output, cut unless keep_stop; stop_ids: tokens that do
            prefix: what the output begins with; banned_text, banned_ids: what it never contains
            choices, regex, json_schema (a dict, or its text), json, speakers (of a dialogue, in turn), constraint (a
                fundamentallm.Constraint): what the whole output is, at most one of them; any_order: of the properties of
                json_schema; turns: of speakers (5). See the project's docs/constraints.md
            logprobs: report that many most likely tokens, [0, 32]; None: no log-probabilities
            beam_width: search with that many beams instead of drawing; num_return: hypotheses, best first (1); length_norm:
                gnmt, power or none; length_penalty (0.6); beam_stop: exact, first-k, heuristic or never-early; beam_profile: hf
                or ctranslate2; beam_sample, diversity_groups, diversity_penalty: see the project's docs/beam_search.md
            speculation: coupled (the text is the one without it) or ratio (more guesses are accepted), with the draft model or
                prompt_lookup: guess what followed the last so many tokens before (0, off), or with draft_forced: nothing but what a
                constraint or prefix forces, and how the text that it knows is likely spelled; draft_tokens: guesses a step; None: as many as have paid so far. See the project's
                docs/speculation.md
            truncate_prompt: keep the end of a prompt that fills the context, which is an error otherwise

        Errors: ValueError with every violation, TypeError, MemoryError for a request that could never fit; then no prompt is
        continued. An exception of the caller (Ctrl-C) cancels what is under way.
        """
        if isinstance(prompts, str):
            raise TypeError("prompts: a text: must be a list of prompts; stream takes one")
        ids: list[int] = []
        try:
            for prompt in prompts:
                ids.append(self._submit(prompt, options))
            for request in ids:
                while not self._native.finished(request):
                    self._native.step()
        except BaseException:
            self._abandon(ids)
            raise
        return [_completion(self._native.take(request)) for request in ids]

    def stream(self, prompt: str | Sequence[int], **options: Unpack[Options]) -> Iterator[str]:
        """The text of one sample in pieces, as it may be shown: none is withdrawn, and none is empty. The request begins with
        the first one; closing the iterator cancels it.

        prompt: a text or a list of token ids
        options: as for generate, with num_samples 1

        Errors: as generate, in place of the first piece; ValueError where nothing is left that may be drawn.
        """
        if options.get("num_samples", 1) != 1:
            raise ValueError(f"num_samples: {options['num_samples']}: must be 1 in a stream")
        if options.get("num_return", 1) != 1:
            raise ValueError(f"num_return: {options['num_return']}: must be 1 in a stream")
        return self._pieces(prompt, options)

    def _pieces(self, prompt: str | Sequence[int], options: Mapping[str, Any]) -> Iterator[str]:
        request = self._submit(prompt, options)
        result = None
        try:
            done = False
            while not done:
                done = self._native.finished(request)
                if text := self._native.text(request):
                    yield text
                elif not done:
                    self._native.step()
            result = _completion(self._native.take(request))
        finally:
            if result is None:
                self._abandon([request])
        if result.samples[0].error is not None:
            raise ValueError(result.samples[0].error)

    def _submit(self, prompt: str | Sequence[int], options: Mapping[str, Any]) -> int:
        given = dict(options)
        if isinstance(given.get("json_schema"), (Mapping, bool)):
            given["json_schema"] = json.dumps(given["json_schema"])
        return self._native.submit(prompt if isinstance(prompt, str) else list(prompt), given)

    def _abandon(self, requests: list[int]) -> None:
        """Cancels and forgets."""
        for request in requests:
            self._native.cancel(request)
        for request in requests:
            while not self._native.finished(request):
                self._native.step()
            self._native.take(request)


def _completion(native: dict[str, Any]) -> Completion:
    samples = [Sample(**{**sample, "logprobs": [TokenDetail(Logprob(*drawn), rank, [Logprob(*entry) for entry in top])
                                                for drawn, rank, top in sample["logprobs"]]})
               for sample in native["samples"]]
    speculation = native["speculation"]
    return Completion(samples, native["seed"], native["prompt_tokens"], native["completion_tokens"], native["cached_tokens"],
                      Speculation(**speculation) if speculation is not None else None)


def _module() -> Any:
    try:
        return importlib.import_module("._generator", __package__)
    except ImportError as error:
        raise UnsupportedError("this package was built without the generator, or a library it needs is missing: "
                               f"{error}; the whole library is built with FLLM_SAMPLER_ONLY=OFF") from error


def _bundled() -> str:
    folders = [os.environ.get("FLLM_MODEL_DIR"), os.path.join(sys.prefix, "share", "fundamentallm", "models")]
    places = [os.path.join(folder, "shakespeare") for folder in folders if folder]
    for place in places:
        if os.path.exists(place):
            return place
    raise FileNotFoundError(f"the bundled model is not there: looked in {', '.join(places)}; give path, or set FLLM_MODEL_DIR to "
                            "the folder that holds it")
