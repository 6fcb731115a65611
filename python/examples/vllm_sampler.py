# SPDX-License-Identifier: Apache-2.0
"""vLLM with this library's sampler.

A replacement for the `Sampler` of vLLM's V1 engine (vllm.v1.sample.sampler), which is called with logits [rows, vocab] and a
SamplingMetadata, and returns a SamplerOutput. Written for vLLM 0.33; other versions may name fields differently. In a worker of
your own (`--worker-cls your_module.Worker`, and VLLM_USE_V2_MODEL_RUNNER=0 in the environment: the newer runner has another
sampler):

    class Worker(vllm.v1.worker.gpu_worker.Worker):
        def load_model(self, **options):
            super().load_model(**options)
            self.model_runner.sampler = FundamentaLLMSampler()

Rows with a seed are reproducible whatever else is in the batch; others get one at random. What vLLM's own logits processors
hold (min-p, biases, min-tokens) becomes parameters of the call. Logits processors of other kinds, bad words of several tokens,
speculative decoding and what else `refuse_others` names are refused: this example shows the path of ordinary requests.
"""
from __future__ import annotations

import secrets
from typing import Any

import torch

import fundamentallm


class FundamentaLLMSampler:
    """Called like vLLM's Sampler. outputs: the classes to build the result of, vllm.v1.outputs."""

    def __init__(self, outputs: Any = None, sampler: fundamentallm.Sampler | None = None) -> None:
        if outputs is None:
            import vllm.v1.outputs as outputs
        self._outputs = outputs
        self._sample = (sampler or fundamentallm.Sampler()).sample

    def __call__(self, logits: torch.Tensor, sampling_metadata: Any, **_: Any) -> Any:
        """logits: [rows, vocab]. Returns SamplerOutput: sampled_token_ids [rows, 1] int32, logprobs_tensors or None."""
        meta = sampling_metadata
        refuse_others(meta)
        rows, vocab = logits.shape
        count = meta.max_num_logprobs
        result = self._sample(
            logits,
            temperature=0 if meta.all_greedy else meta.temperature,
            top_k=meta.top_k,
            top_p=meta.top_p,
            seed=[seed_of(meta.generators.get(row)) for row in range(rows)],
            position=[len(ids) for ids in meta.output_token_ids],
            allow_mask=None if meta.allowed_token_ids_mask is None else fundamentallm.pack_mask(~meta.allowed_token_ids_mask),
            ban_ids=single_tokens(meta.bad_words_token_ids, rows),
            details=count is not None,
            top=count or 0,
            **parameters_of(meta, rows),
            **self._penalties(meta, rows, vocab, logits))
        return self._outputs.SamplerOutput(
            sampled_token_ids=result.tokens[:, None],
            logprobs_tensors=None if count is None else self._logprobs(result, count))

    def _penalties(self, meta: Any, rows: int, vocab: int, logits: torch.Tensor) -> dict[str, Any]:
        """Histories are built anew each step, as vLLM does; a runner of your own would keep one and let advance append."""
        if meta.no_penalties:
            return {}
        history = fundamentallm.History(rows, vocab, vocab, like=logits)
        history.append(meta.prompt_token_ids.to(torch.int32), output=False)  # padded with vocab, which is passed over
        history.append(meta.output_token_ids)
        return {"history": history, "repetition_penalty": meta.repetition_penalties,
                "frequency_penalty": meta.frequency_penalties, "presence_penalty": meta.presence_penalties}

    def _logprobs(self, result: fundamentallm.SampleResult, count: int) -> Any:
        """The drawn id first, then the first `count` ids of the total order."""
        ids, logprobs = result.tokens[:, None], result.details.raw_logprob[:, None]
        if count > 0:
            ids = torch.cat([ids, result.top.ids], dim=1)
            logprobs = torch.cat([logprobs, result.top.raw_logprob], dim=1)
        return self._outputs.LogprobsTensors(logprob_token_ids=ids, logprobs=logprobs,
                                             selected_token_ranks=result.details.rank + 1)


def refuse_others(meta: Any) -> None:
    """NotImplementedError for what this example does not do."""
    budget = getattr(meta, "thinking_budget_state_holder", None)
    others = {
        "speculative decoding, which has a sampler of its own": meta.spec_token_ids and any(meta.spec_token_ids),
        "log-probabilities of given tokens": getattr(meta, "logprob_token_ids", None),
        "log-probabilities of more than 32 tokens": meta.max_num_logprobs is not None and not 0 <= meta.max_num_logprobs <= 32,
        "budgets of thinking tokens": budget is not None and budget.has_tracked_requests(),
    }
    for what, asked_for in others.items():
        if asked_for:
            raise NotImplementedError(what)


def seed_of(generator: torch.Generator | None) -> int:
    return secrets.randbits(64) if generator is None else generator.initial_seed() % (1 << 64)


def single_tokens(words: dict[int, list[list[int]]], rows: int) -> list[list[int]] | None:
    """Bad words as bans."""
    if any(len(word) != 1 for row in words.values() for word in row):
        raise NotImplementedError("a bad word of several tokens")
    return [[word[0] for word in words.get(row, [])] for row in range(rows)] if words else None


def parameters_of(meta: Any, rows: int) -> dict[str, Any]:
    """What vLLM's logits processors hold."""
    parameters: dict[str, Any] = {}
    for processor in [*meta.logitsprocs.non_argmax_invariant, *meta.logitsprocs.argmax_invariant]:
        if hasattr(processor, "biases"):
            parameters["bias"] = [processor.biases.get(row, {}) for row in range(rows)]
        elif hasattr(processor, "min_toks"):
            least = [processor.min_toks.get(row, (0, [], set(), False)) for row in range(rows)]
            if any(entry[3] for entry in least):
                raise NotImplementedError("a least length of structured output, which may have to give way")
            parameters["min_tokens"] = [entry[0] for entry in least]
            parameters["generated"] = [len(ids) for ids in meta.output_token_ids]
            parameters["end_ids"] = [sorted(entry[2]) for entry in least]
        elif hasattr(processor, "min_p"):
            if processor.min_p_count:
                parameters["min_p"] = processor.min_p[:rows].reshape(rows)
        else:
            raise NotImplementedError(f"the logits processor {type(processor).__name__}")
    return parameters
