# SPDX-License-Identifier: Apache-2.0
"""docs/sampling.md in numpy, one row at a time, slowly; independent of the library and of its C++ oracle."""
import dataclasses
from typing import Any

import numpy as np

FULL = 1 << 40
NAN, INF, EMPTY = 1, 2, 4
F32 = np.float32
FLT_MAX = np.finfo(F32).max
LOG2E = F32(float.fromhex("0x1.715476p+0"))
# exp2_shared of cuda/portable/numeric.h, which the page names as the definition.
EXP2_SHIFT = F32(1.5 * 2.0**23 + 127)
EXP2 = [F32(float.fromhex(c)) for c in ("0x1.41fbbcp-13", "0x1.5f3e54p-10", "0x1.3b2d4cp-7", "0x1.c6aee8p-5", "0x1.ebfbdcp-3",
                                        "0x1.62e430p-1", "0x1p0")]


def fma(a, b, c):
    """Fused multiply-add in binary32: the sum in binary64 is rounded to odd, so that the second rounding is right."""
    product = np.asarray(a, np.float64) * np.asarray(b, np.float64)  # exact
    c = np.broadcast_to(np.asarray(c, np.float64), product.shape)
    with np.errstate(invalid="ignore"):  # infinities: no error to round
        total = product + c
        part = total - product
        error = (product - (total - part)) + (c - part)
    bits = total.view(np.int64)
    inexact = np.isfinite(error) & (error != 0) & ((bits & 1) == 0)
    odd = np.where((error > 0) == (total > 0), bits + 1, bits - 1)
    return np.where(inexact, odd, bits).view(np.float64).astype(F32)


def exp2(x):
    """2^x for x in [-126, 0], binary32."""
    whole = (x + EXP2_SHIFT) - EXP2_SHIFT
    f = x - whole
    f = (f + F32(1.5)) - F32(1.5)
    value = np.full_like(f, EXP2[0])
    for coefficient in EXP2[1:]:
        value = fma(value, f, coefficient)
    return np.ldexp(value, whole.astype(np.int32))


def masses(logits, maximum, temperature):
    """[V] Python-sized integers in int64."""
    with np.errstate(over="ignore", invalid="ignore"):
        scale = np.minimum(LOG2E / F32(temperature), FLT_MAX)
        x = (logits - maximum) * scale
    dead = np.isnan(x) | (x < -41)
    weight = exp2(np.where(dead, F32(0), x).astype(F32))
    return np.where(dead, 0, np.floor(weight.astype(np.float64) * FULL).astype(np.int64))


def philox(seed, counter):
    """64 random bits: words 0 and 1 of Philox4x32-10."""
    mask = 0xFFFFFFFF
    low, high = seed & mask, seed >> 32
    x = [int(word) & mask for word in counter]
    for _ in range(10):
        a, b = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [(b >> 32) ^ x[1] ^ low, b & mask, (a >> 32) ^ x[3] ^ high, a & mask]
        low, high = (low + 0x9E3779B9) & mask, (high + 0xBB67AE85) & mask
    return x[1] << 32 | x[0]


@dataclasses.dataclass
class Row:
    """A row's parameters, under the names of fundamentallm.sample."""
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int = 0
    position: int = 0
    sample_index: int = 0
    fallback_id: int = 0
    generated: int = 0
    min_tokens: int = 0
    allowed: Any = None  # [V] booleans
    ban_ids: Any = ()
    end_ids: Any = ()
    bias: Any = dataclasses.field(default_factory=dict)
    counts: Any = dataclasses.field(default_factory=dict)  # {id of the history: count in the output}
    uniform: Any = None
    stream: int = 0


@dataclasses.dataclass
class Result:
    token: int
    status: int
    raw_logprob: float
    processed_logprob: float
    rank: int
    kept_count: int
    kept_mass: int
    top: list  # [(id, raw logprob, processed logprob)], all allowed ids
    probabilities: np.ndarray


def edit(logits, row):
    l = logits.copy()
    vocab = len(l)
    forbidden = list(row.ban_ids) + (list(row.end_ids) if row.generated < row.min_tokens else [])
    if row.allowed is not None:
        l[~row.allowed] = -np.inf
    l[[i for i in forbidden if i < vocab]] = -np.inf
    with np.errstate(over="ignore"):
        for token, bias in row.bias.items():
            if token < vocab:
                l[token] = l[token] + F32(bias)
        for token, count in row.counts.items():
            if token >= vocab:
                continue
            r = F32(row.repetition_penalty)
            value = l[token] / r if l[token] > 0 else l[token] * r
            value = fma(-F32(row.frequency_penalty), F32(count), value)[()]
            l[token] = value - F32(row.presence_penalty) if count > 0 else value
    return l


def raw_logprobs(logits):
    maximum = logits.max()
    if maximum == -np.inf:
        return np.full(len(logits), -np.inf)
    if maximum == np.inf:
        return np.where(np.arange(len(logits)) == np.argmax(logits), 0.0, -np.inf)
    mass = masses(logits, maximum, 1.0)
    return logits.astype(np.float64) - np.float64(maximum) - np.log(int(mass.sum()) / FULL)


def keep(row, order, mass):
    """How many ids of the total order the filters leave."""
    sorted_mass = [int(m) for m in mass[order]]
    kept = sum(m > 0 for m in sorted_mass)
    if row.min_p > 0:
        least = -(-int(np.float64(F32(row.min_p)) * 2.0**64) // 2**24)  # ceil(p * 2^40), exactly
        kept = sum(m >= least and m > 0 for m in sorted_mass)
    if 0 < row.top_k < len(order):
        kept = min(kept, row.top_k)
    if row.top_p < 1:
        p = int(np.float64(F32(max(row.top_p, 0))) * 2.0**32)
        total, sum_ = sum(sorted_mass[:kept]), 0
        for count in range(kept):
            sum_ += sorted_mass[count]
            if sum_ * 2**32 >= p * total and sum_ > 0:
                return count + 1
    return kept


def sample(logits, row):
    """logits: [V], converted to binary32 exactly."""
    logits = np.asarray(logits, F32).copy()
    status = NAN if np.isnan(logits).any() else 0
    logits[np.isnan(logits)] = -np.inf
    logits = logits + F32(0)  # -0 becomes +0
    vocab = len(logits)
    raw = raw_logprobs(logits)
    l = edit(logits, row) + F32(0)
    order = np.lexsort((np.arange(vocab), -l.astype(np.float64)))
    maximum = l[order[0]]
    probabilities = np.zeros(vocab)
    if maximum == -np.inf:
        return Result(row.fallback_id, status | EMPTY, -np.inf, -np.inf, 0, 0, 0, [], probabilities)
    if maximum == np.inf or row.temperature == 0 or row.top_k == 1:
        status |= INF if maximum == np.inf else 0
        mass, kept = np.zeros(vocab, np.int64), 1
        mass[order[0]] = FULL
        token = int(order[0])
    else:
        mass = masses(l, maximum, row.temperature)
        kept = keep(row, order, mass)
        total = int(mass[order[:kept]].sum())
        bits = row.uniform
        if bits is None:
            bits = philox(row.seed, (row.position, row.sample_index, row.stream, 0))
        r, token = bits * total >> 64, None
        for i in np.sort(order[:kept]):
            if r < mass[i]:
                token = int(i)
                break
            r -= int(mass[i])
    inside = order[:kept]
    total = int(mass[inside].sum())
    processed = np.full(vocab, -np.inf)
    processed[inside] = [np.log(int(m) / total) for m in mass[inside]]
    probabilities[inside] = [int(m) / total for m in mass[inside]]
    top = [(int(i), raw[i], processed[i]) for i in order if l[i] > -np.inf]
    rank = int(np.flatnonzero(order == token)[0])
    return Result(token, status, raw[token], processed[token], rank, kept, total, top, probabilities)
