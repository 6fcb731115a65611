#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times generation with a FundamentaLLM model in plain PyTorch with a KV cache. Prints one JSON line."""
import argparse
import json
import math
import os

import torch
import torch.nn.functional as F

from blas_name import torch_blas
from timing import measure


class Model:
    """The architecture with preallocated key and value caches."""

    def __init__(self, folder):
        payload = torch.load(os.path.join(folder, "model.pt"), map_location="cpu")
        state, config = payload["model_state"], payload["model_config"]
        self.heads, self.layers = config["num_heads"], config["num_layers"]
        self.width, self.context = config["d_model"], config["sequence_length"]
        self.embedding = state["token_embedding.weight"]
        self.positions = state["positional_encoding.embeddings.weight"]
        self.final_norm = state["output_norm.weight"]
        self.blocks = []
        for i in range(self.layers):
            part = {k[len(f"blocks.{i}."):]: v for k, v in state.items() if k.startswith(f"blocks.{i}.")}
            part["qkv.weight"] = torch.cat([part[f"attention.W_{c}.weight"] for c in "qkv"])
            part["qkv.bias"] = torch.cat([part[f"attention.W_{c}.bias"] for c in "qkv"])
            self.blocks.append(part)

    def new_cache(self, rows):
        shape = (self.layers, 2, rows, self.heads, self.context, self.width // self.heads)
        return torch.zeros(shape)

    def forward(self, tokens, start, cache):
        """tokens [rows, n] at positions start.. -> logits of the last one [rows, vocab]."""
        rows, n = tokens.shape
        head_dim = self.width // self.heads
        x = F.embedding(tokens, self.embedding) + self.positions[start:start + n]
        mask = None
        if n > 1:
            mask = torch.full((n, start + n), float("-inf")).triu(start + 1)
        for i, block in enumerate(self.blocks):
            qkv = F.linear(norm(x, block["norm1.weight"]), block["qkv.weight"], block["qkv.bias"])
            q, k, v = qkv.view(rows, n, 3, self.heads, head_dim).permute(2, 0, 3, 1, 4)
            cache[i, 0, :, :, start:start + n] = k
            cache[i, 1, :, :, start:start + n] = v
            scores = q @ cache[i, 0, :, :, :start + n].transpose(-1, -2) / math.sqrt(head_dim)
            if mask is not None:
                scores = scores + mask
            attended = torch.softmax(scores, -1) @ cache[i, 1, :, :, :start + n]
            attended = attended.transpose(1, 2).reshape(rows, n, self.width)
            x = x + F.linear(attended, block["attention.W_o.weight"], block["attention.W_o.bias"])
            hidden = F.gelu(F.linear(norm(x, block["norm2.weight"]), block["ffn.linear1.weight"], block["ffn.linear1.bias"]))
            x = x + F.linear(hidden, block["ffn.linear2.weight"], block["ffn.linear2.bias"])
        return F.linear(norm(x[:, -1], self.final_norm), self.embedding)


def norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * weight


def generate(model, prompt, rows, tokens):
    cache = model.new_cache(rows)
    logits = model.forward(prompt.expand(rows, -1), 0, cache)
    for i in range(tokens):
        drawn = torch.multinomial(torch.softmax(logits, -1), 1)
        if i + 1 < tokens:
            logits = model.forward(drawn, prompt.shape[1] + i, cache)


def parser_of(description):
    """What every measurement with a model takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model", help="folder with model.pt and tokenizer.json")
    parser.add_argument("--tokens", type=int, default=200, help="new tokens of each row")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    return parser


def timed(options, work):
    """Times work(model, prompt) as the options of parser_of say."""
    torch.set_num_threads(options.threads)
    with open(os.path.join(options.model, "tokenizer.json"), encoding="utf-8") as file:
        char_to_id = json.load(file)["char_to_id"]
    prompt = torch.tensor([[char_to_id[c] for c in "ROMEO:"]])
    with torch.inference_mode():
        model = Model(options.model)
        return measure(options.runs, lambda: work(model, prompt))


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--rows", type=int, default=1)
    options = parser.parse_args()
    timing = timed(options, lambda model, prompt: generate(model, prompt, options.rows, options.tokens))
    peer = f"PyTorch {torch.__version__.split('+')[0]}, BLAS {torch_blas(torch.__config__.show())}"
    print(json.dumps({"what": "generate", "peer": peer, "rows": options.rows, "threads": options.threads, **timing,
                      "tokens_per_second": options.rows * options.tokens / timing["median_seconds"]}))


if __name__ == "__main__":
    main()
