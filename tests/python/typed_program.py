# SPDX-License-Identifier: Apache-2.0
"""Every form of argument that type checkers must let pass; it also runs."""
import array

import fundamentallm
import numpy as np
from fundamentallm import grammars
from fundamentallm.hf import SamplerProcessor


def main() -> None:
    logits = np.zeros((2, 8), np.float32)
    result = fundamentallm.sample(
        logits, temperature=[0.5, 1], top_k=np.int64(3), top_p=np.float32(0.9), min_p=0, seed=range(2), position=np.zeros(2, np.int32),
        ban_ids=[[1], []], end_ids=[3], bias={2: 1.0}, allow_mask=fundamentallm.pack_mask(logits == 0), details=True, top=3,
        random_stream=fundamentallm.RandomStream.DRAFT)
    assert result.details is not None and result.top is not None and result.probabilities is None
    print(result.tokens, result.details.rank, result.top.ids, fundamentallm.__version__)
    rows = memoryview(array.array("f", range(16))).cast("B").cast("f", [2, 8])
    fundamentallm.sample(rows, temperature=array.array("f", [1, 1]), out=result)
    sampler = fundamentallm.Sampler("cpu", threads=2)
    sampler.sample(logits, out=np.zeros(2, np.int32), workspace=np.zeros(sampler.workspace_bytes(rows), np.uint8))
    history = fundamentallm.History(2, 8, 8, like=logits, sampler=sampler)
    history.append([[1, 2], [3]], slots=[0, 1], output=False)
    history.append(np.zeros(2, np.int32))
    edits = fundamentallm.Edits(2, bias=[{1: 2.0}, {}], like=logits)
    filters = fundamentallm.Filters(2, typical_p=0.9, dry_multiplier=[0, 0.8], dry_breakers=[1], bad_words=[[1, 2], [3]], like=logits)
    sequences = fundamentallm.Sequences(2, 8, like=logits)
    sequences.put([[1, 2], [3]], slots=[0, 1])
    status = sampler.sample(logits, history=history, edits=edits, filters=filters, sequences=sequences).status
    print(fundamentallm.RowStatus(int(status[0])) is fundamentallm.RowStatus(0), sequences.ids(0))
    fundamentallm.Filters(2, bad_words=[[[1, 2], [3]], []], mirostat_tau=np.ones(2), like=logits)
    shard = fundamentallm.Shard(0, 1, 8, 0, 2, like=logits)
    fundamentallm.sample_sharded(logits, shard, lambda words: words.sum(), temperature=[0.5, 1], seed=range(2), exchanges=3)
    sampler.sample_shard(logits, shard, step=0, top_k=2, ban_ids=[1], out=np.zeros(2, np.int32))
    print(SamplerProcessor(temperature=0.5, seed=[1, 2], filters={"typical_p": 0.9}, sampler=sampler))


def text(generator: fundamentallm.Generator) -> list[str]:
    completions = generator.generate(["A", [1, 2]], max_tokens=3, stop=["."], logit_bias={3: 1.5}, seed=7, logprobs=2)
    pieces = list(generator.stream("A", temperature=0, stop="x", max_length=None))
    print(completions[0].samples[0].logprobs[0].drawn.raw, generator.metrics["steps"], generator.info["device"])
    tokenizer = grammars.llguidance_tokenizer(generator)
    generator.generate(["A"], constraint=grammars.LLGuidance(tokenizer, "start: /a+/"), speakers=[], choices=["a"])
    return [completion.text for completion in completions] + pieces


main()
