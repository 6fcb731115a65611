# SPDX-License-Identifier: Apache-2.0
"""The page's filters, in Python integers. Each takes the ids that are kept, in the total order, and returns those it leaves."""
import numpy as np

F32 = np.float32
FLT_MAX = np.finfo(F32).max
FULL = 1 << 40


def units(p, bits=32):
    """floor(p * 2^bits) of the binary32 nearest to p, exactly."""
    return int(np.float64(F32(p)) * 2.0**bits)


def total_of(mass, ids):
    return sum(int(mass[i]) for i in ids)


def taken(ids, mass, p, total):
    """How many of the ids it takes, in this order, for p of the total mass; at least one with mass."""
    sum_ = 0
    for count, i in enumerate(ids, 1):
        sum_ += int(mass[i])
        if sum_ << 32 >= units(max(p, 0)) * total and sum_ > 0:
            return count
    return len(ids)


def top_n_sigma(n, edited, ids):
    if n <= 0:
        return ids
    with np.errstate(over="ignore"):
        below = np.minimum(edited.max() - edited, FLT_MAX)  # binary32
    allowed = np.flatnonzero(edited > -np.inf)
    largest = below[allowed].max()
    if largest == 0:
        return ids
    exponent = max(int(np.frexp(np.float64(largest))[1]) - 1, -100)
    q = {int(i): int(np.ldexp(np.float64(below[i]), 20 - exponent)) for i in allowed}
    count, s1, s2 = len(allowed), sum(q.values()), sum(v * v for v in q.values())
    bound = units(n, 16) ** 2 * (count * s2 - s1 * s1)
    return [i for i in ids if (q[i] * count) ** 2 << 32 <= bound]


def min_p(p, mass, ids):
    if p <= 0:
        return ids
    least = -(-units(p, 64) >> 24)  # ceil(p * 2^40), exactly
    return [i for i in ids if mass[i] >= least]


def top_k(k, vocab, ids):
    return ids[:k] if 0 < k < vocab else ids


def top_p(p, mass, ids):
    return ids if p >= 1 else ids[:taken(ids, mass, p, total_of(mass, ids))]


def typical_p(p, mass, exponents, ids):
    """exponents: [V], the page's x."""
    if p >= 1:
        return ids
    total = total_of(mass, ids)
    q = {i: int(np.floor(np.ldexp(-np.float64(exponents[i]), 20))) for i in ids}
    mean = sum(int(mass[i]) * q[i] for i in ids) // total

    def order(place):
        distance = q[ids[place]] - mean
        return (abs(distance), 0, -place) if distance < 0 else (distance, 1, place)

    nearest = [ids[place] for place in sorted(range(len(ids)), key=order)]
    chosen = set(nearest[:taken(nearest, mass, p, total)])
    return [i for i in ids if i in chosen]


def xtc(probability, threshold, bits, mass, ids):
    """bits: 64 random ones, of the block behind the draw's."""
    if probability <= 0 or threshold >= 1 or not (probability >= 1 or bits >> 32 < units(probability)):
        return ids
    total = total_of(mass, ids)
    above = [i for i in ids if int(mass[i]) << 32 >= units(threshold) * total]
    return ids[max(len(above) - 1, 0):]


def mirostat(mu, exp2, mass, ids):
    """mu in bits."""
    f = int(np.float64(exp2(np.array([-min(max(F32(mu), F32(0)), F32(41))], F32))[0]) * 2.0**40)
    least = -(-f * total_of(mass, ids) >> 40)
    return [i for i in ids if mass[i] >= least] or ids[:1]


def forbidden_by_sequence(row, history):
    """Ids, some perhaps beyond the vocabulary: bad words and no-repeat-n-gram."""
    words = [list(word) for word in row.bad_words if len(word) > 0]
    ids = [word[-1] for word in words if ends_with(history, word[:-1])]
    n = row.no_repeat_ngram
    places = range(len(history) - n + 1) if n > 0 else ()
    return ids + [history[i + n - 1] for i in places if ends_with(history, history[i:i + n - 1])]


def ends_with(history, end):
    return len(history) >= len(end) and history[len(history) - len(end):] == end


def dry_penalties(row, history):
    """{id: what is taken from its logit}, binary32."""
    if row.dry_multiplier <= 0:
        return {}
    h = history[-row.dry_range:] if row.dry_range > 0 else history
    last, longest, breakers = len(h) - 1, {}, set(row.dry_breakers)
    for i in range(last):
        n = 0
        while n < 50 and n <= i and h[i - n] == h[last - n] and h[i - n] not in breakers:
            n += 1
        longest[h[i + 1]] = max(longest.get(h[i + 1], 0), n)
    return {token: dry_penalty(row, n - row.dry_allowed_length) for token, n in longest.items()
            if n >= row.dry_allowed_length and token not in breakers}


def dry_penalty(row, excess):
    power = F32(1)
    with np.errstate(over="ignore"):
        for _ in range(excess):
            power = min(power * F32(row.dry_base), FLT_MAX)
        return min(F32(row.dry_multiplier) * power, FLT_MAX)
