# SPDX-License-Identifier: Apache-2.0
"""docs/sampling.md in numpy, one row at a time, slowly; independent of the library and of its C++ oracle."""
import dataclasses
from typing import Any

import numpy as np
import oracle_filters as filters
from oracle_filters import F32, FLT_MAX, FULL

NAN, INF, EMPTY = 1, 2, 4
LOG2E = F32(float.fromhex("0x1.715476p+0"))
# exp2_shared of cuda/portable/numeric.h, which the page names as the definition.
EXP2_SHIFT = F32(1.5 * 2.0**23 + 127)
EXP2 = [F32(float.fromhex(c)) for c in ("0x1.41fbbcp-13", "0x1.5f3e54p-10", "0x1.3b2d4cp-7", "0x1.c6aee8p-5", "0x1.ebfbdcp-3",
                                        "0x1.62e430p-1", "0x1p0")]
LOG = [F32(float.fromhex(c)) for c in ("0x1.c71c72p-4", "0x1.24924ap-3", "0x1.99999ap-3", "0x1.555556p-2")]


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


def exponents(logits, maximum, temperature):
    """[V] binary32: x of the page; NaN where a logit and the maximum are one infinity."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (logits - maximum) * np.minimum(LOG2E / F32(temperature), FLT_MAX)


def masses(logits, maximum, temperature):
    """[V] Python-sized integers in int64."""
    x = exponents(logits, maximum, temperature)
    dead = np.isnan(x) | (x < -41)
    weight = exp2(np.where(dead, F32(0), x).astype(F32))
    return np.where(dead, 0, np.floor(weight.astype(np.float64) * FULL).astype(np.int64))


def log_mass(mass):
    """ln(mass / 2^40), binary32: log_mass of cuda/portable/fixed_point.h, which the page names as the definition."""
    bits = np.int64(mass).astype(F32).view(np.uint32)
    offset = int(bits) - 0x3F3504F3
    f = np.uint32((offset & 0x7FFFFF) + 0x3F3504F3).view(F32) - F32(1)
    z = f / (F32(2) + f)
    w = z * z
    series = LOG[0]
    for coefficient in LOG[1:]:
        series = fma(series, w, coefficient)[()]
    n = F32((offset >> 23) - 40)
    rest = (z + z) * w * series + n * F32(float.fromhex("-0x1.05c610p-29"))
    return fma(n, F32(float.fromhex("0x1.62e430p-1")), (z + z) + rest)[()]


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
    # Those of fundamentallm.Filters.
    typical_p: float = 1.0
    top_n_sigma: float = 0.0
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    mirostat_tau: float = 0.0
    mirostat_eta: float = 0.1
    no_repeat_ngram: int = 0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_range: int = 0
    dry_breakers: Any = ()
    bad_words: Any = ()
    history_begin: int = 0
    sequence: Any = None  # prompt and output, a list; None: no slot
    mirostat_mu: float = np.nan


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
    mirostat_mu: float = np.nan  # afterwards


def edit(logits, row):
    l = logits.copy()
    vocab = len(l)
    history = list(row.sequence or [])[row.history_begin:]
    forbidden = list(row.ban_ids) + (list(row.end_ids) if row.generated < row.min_tokens else [])
    forbidden += filters.forbidden_by_sequence(row, history)
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
        for token, penalty in filters.dry_penalties(row, history).items():
            if token < vocab:
                l[token] = l[token] - penalty
    return l


def raw_logprobs(logits):
    maximum = logits.max()
    if maximum == -np.inf:
        return np.full(len(logits), -np.inf)
    if maximum == np.inf:
        return np.where(np.arange(len(logits)) == np.argmax(logits), 0.0, -np.inf)
    mass = masses(logits, maximum, 1.0)
    return logits.astype(np.float64) - np.float64(maximum) - np.log(int(mass.sum()) / FULL)


def random_bits(row, block):
    return philox(row.seed, (row.position, row.sample_index, row.stream, block))


def mu_of(row):
    with np.errstate(over="ignore"):
        return F32(2) * F32(row.mirostat_tau) if row.sequence is None or np.isnan(row.mirostat_mu) else F32(row.mirostat_mu)


def next_mu(row, mass, total):
    surprise = (log_mass(total) - log_mass(mass)) * LOG2E
    return fma(-F32(row.mirostat_eta), surprise - F32(row.mirostat_tau), mu_of(row))[()]


def keep(row, edited, order, mass):
    """The ids that the filters leave, in the total order."""
    ids = filters.top_n_sigma(row.top_n_sigma, edited, [int(i) for i in order if mass[i] > 0])
    ids = filters.min_p(row.min_p, mass, ids)
    ids = filters.top_k(row.top_k, len(order), ids)
    ids = filters.top_p(row.top_p, mass, ids)
    ids = filters.typical_p(row.typical_p, mass, exponents(edited, edited[order[0]], row.temperature), ids)
    ids = filters.xtc(row.xtc_probability, row.xtc_threshold, random_bits(row, 1), mass, ids)
    return filters.mirostat(mu_of(row), exp2, mass, ids) if row.mirostat_tau > 0 else ids


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
    probabilities, mu = np.zeros(vocab), F32(row.mirostat_mu)
    if maximum == -np.inf:
        return Result(row.fallback_id, status | EMPTY, -np.inf, -np.inf, 0, 0, 0, [], probabilities, mu)
    if maximum == np.inf or row.temperature == 0 or row.top_k == 1:
        status |= INF if maximum == np.inf else 0
        inside = order[:1]
        mass = np.zeros(vocab, np.int64)
        mass[inside] = FULL
        token = int(order[0])
    else:
        mass = masses(l, maximum, row.temperature)
        inside = np.array(keep(row, l, order, mass))
        bits = random_bits(row, 0) if row.uniform is None else row.uniform
        r, token = bits * int(mass[inside].sum()) >> 64, None
        for i in np.sort(inside):
            if r < mass[i]:
                token = int(i)
                break
            r -= int(mass[i])
        if row.mirostat_tau > 0:
            mu = next_mu(row, int(mass[token]), int(mass[inside].sum()))
    total = int(mass[inside].sum())
    processed = np.full(vocab, -np.inf)
    processed[inside] = [np.log(int(m) / total) for m in mass[inside]]
    probabilities[inside] = [int(m) / total for m in mass[inside]]
    top = [(int(i), raw[i], processed[i]) for i in order if l[i] > -np.inf]
    rank = int(np.flatnonzero(order == token)[0])
    return Result(token, status, raw[token], processed[token], rank, len(inside), total, top, probabilities, mu)
