#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train a FundamentaLLM-shaped character model on a text; write OUT/model.pt and OUT/tokenizer.json.

Needs numpy, jax and optax to train (a CPU will do) and torch to write the checkpoint. Where torch lives in another
Python, train with --weights-only there and write the checkpoint with --from-weights here.

Documents are runs of one to six speeches, <BOS> text <EOS>, so the model learns to end. The learning rate follows
elapsed time, so a run always ends annealed; the result depends on the machine's speed, the seed fixes the rest.
"""

import argparse
import collections
import json
import math
import time
from pathlib import Path

import numpy as np

SPECIAL_TOKENS = ["<PAD>", "<UNK>", "<BOS>", "<EOS>"]
BOS, EOS = 2, 3
FFN_EXPANSION = 4
VALIDATION_SHARE = 0.05
VALIDATION_BATCHES = 6
VALIDATION_BATCH_SIZE = 32
REPORT_STEPS = 500
RESHUFFLE_STEPS = 1500


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="UTF-8 text; speeches are separated by blank lines")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--weights-only", action="store_true", help="train, but leave model.pt unwritten")
    parser.add_argument("--from-weights", action="store_true", help="write model.pt from an earlier run's weights")
    parser.add_argument("--width", type=int, default=128, help="d_model (default: %(default)s)")
    parser.add_argument("--heads", type=int, default=2, help="attention heads (default: %(default)s)")
    parser.add_argument("--layers", type=int, default=6, help="blocks (default: %(default)s)")
    parser.add_argument("--context", type=int, default=256, help="tokens of a window (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=12, help="windows of a step (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=60, help="training time (default: %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="at its highest (default: %(default)s)")
    parser.add_argument("--dropout", type=float, default=0.05, help="in [0, 1) (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    arguments = parser.parse_args()
    if arguments.text is None and not arguments.from_weights:
        parser.error("--text is needed to train")
    return arguments


class Corpus:
    """Token streams of a text, made of documents of one to six speeches."""

    def __init__(self, path, rng):
        text = path.read_text(encoding="utf-8")
        self.char_to_id = {name: i for i, name in enumerate(SPECIAL_TOKENS)}
        self.char_to_id |= {c: i + len(SPECIAL_TOKENS) for i, c in enumerate(sorted(set(text)))}
        speeches = text.split("\n\n")
        cut = int(len(speeches) * (1 - VALIDATION_SHARE))
        self._rng = rng
        self._training_speeches = speeches[:cut]
        self.validation = self._stream(speeches[cut:])
        self.training = self._stream(self._training_speeches)

    @property
    def vocab_size(self):
        return len(self.char_to_id)

    def reshuffle(self):
        """Cut the training text into other documents."""
        self.training = self._stream(self._training_speeches)

    def _stream(self, speeches):
        tokens = []
        i = 0
        while i < len(speeches):
            n = int(self._rng.integers(1, 7))
            tokens.append(BOS)
            tokens += [self.char_to_id[c] for c in "\n\n".join(speeches[i : i + n])]
            tokens.append(EOS)
            i += n
        return np.array(tokens, np.int32)


def sample_windows(stream, count, context, rng):
    """Random windows of a stream and the tokens that follow each of their tokens, both [count, context]."""
    starts = rng.integers(0, len(stream) - context - 1, count)
    inputs = np.stack([stream[s : s + context] for s in starts])
    targets = np.stack([stream[s + 1 : s + context + 1] for s in starts])
    return inputs, targets


def initial_weights(jax, arguments, vocab_size):
    """Weights by their short names. Linear weights are [out, in]."""
    width, ffn = arguments.width, arguments.width * FFN_EXPANSION
    keys = iter(jax.random.split(jax.random.PRNGKey(arguments.seed), 4 + arguments.layers * 8))

    def normal(*shape):
        return 0.02 * jax.random.normal(next(keys), shape, jax.numpy.float32)

    zeros, ones = jax.numpy.zeros, jax.numpy.ones
    weights = {"tok": normal(vocab_size, width), "pos": normal(arguments.context, width), "norm": ones(width)}
    weights["blocks"] = []
    for _ in range(arguments.layers):
        block = {"n1": ones(width), "n2": ones(width)}
        for part in "qkvo":
            block["W" + part] = normal(width, width)
            block["b" + part] = zeros(width)
        block["W1"], block["b1"] = normal(ffn, width), zeros(ffn)
        block["W2"], block["b2"] = normal(width, ffn) / math.sqrt(2 * arguments.layers), zeros(width)
        weights["blocks"].append(block)
    return weights


def make_loss(jax, optax, arguments):
    """loss(weights, inputs, targets, key): mean cross entropy in nats; key None switches dropout off."""
    jnp = jax.numpy
    heads, context = arguments.heads, arguments.context
    causal = jnp.tril(jnp.ones((context, context), bool))

    def rms_norm(x, weight):
        return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-6) * weight

    def dropout(x, key, place):
        if key is None or arguments.dropout == 0:
            return x
        kept = jax.random.bernoulli(jax.random.fold_in(key, place), 1 - arguments.dropout, x.shape)
        return x * kept / (1 - arguments.dropout)

    def attention(block, x):
        rows, length, width = x.shape
        query, key, value = (
            jnp.reshape(x @ block["W" + c].T + block["b" + c], (rows, length, heads, width // heads)) for c in "qkv"
        )
        scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) / math.sqrt(width // heads)
        shares = jax.nn.softmax(jnp.where(causal[:length, :length], scores, -1e30), -1)
        mixed = jnp.einsum("bhqk,bkhd->bqhd", shares, value).reshape(rows, length, width)
        return mixed @ block["Wo"].T + block["bo"]

    def feed_forward(block, x):
        hidden = jax.nn.gelu(x @ block["W1"].T + block["b1"], approximate=False)
        return hidden @ block["W2"].T + block["b2"]

    def logits(weights, tokens, key):
        x = dropout(weights["tok"][tokens] + weights["pos"][: tokens.shape[1]], key, 0)
        for i, block in enumerate(weights["blocks"]):
            x = x + dropout(attention(block, rms_norm(x, block["n1"])), key, 2 * i + 1)
            x = x + dropout(feed_forward(block, rms_norm(x, block["n2"])), key, 2 * i + 2)
        return rms_norm(x, weights["norm"]) @ weights["tok"].T

    def loss(weights, inputs, targets, key):
        return optax.softmax_cross_entropy_with_integer_labels(logits(weights, inputs, key), targets).mean()

    return loss


def save_weights(weights, path, description):
    flat = {name: weights[name] for name in ("tok", "pos", "norm")}
    for i, block in enumerate(weights["blocks"]):
        flat |= {f"{i}.{name}": value for name, value in block.items()}
    np.savez(path, **{name: np.asarray(value) for name, value in flat.items()})
    path.with_suffix(".json").write_text(json.dumps(description), encoding="utf-8")


def train(arguments, weights_path):
    import jax
    import optax

    rng = np.random.default_rng(arguments.seed)
    corpus = Corpus(arguments.text, rng)
    weights = initial_weights(jax, arguments, corpus.vocab_size)
    loss = make_loss(jax, optax, arguments)
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0), optax.scale_by_adam(b1=0.9, b2=0.98), optax.add_decayed_weights(0.05)
    )
    state = optimizer.init(weights)
    dropout_key = jax.random.PRNGKey(arguments.seed + 6)
    parameter_count = sum(x.size for x in jax.tree_util.tree_leaves(weights))
    print(
        f"vocabulary {corpus.vocab_size}, training {len(corpus.training)} tokens, "
        f"validation {len(corpus.validation)} tokens, {parameter_count} parameters",
        flush=True,
    )

    @jax.jit
    def update(weights, state, inputs, targets, rate, key):
        value, gradient = jax.value_and_grad(loss)(weights, inputs, targets, key)
        change, state = optimizer.update(gradient, state, weights)
        return jax.tree_util.tree_map(lambda w, c: w - rate * c, weights, change), state, value

    evaluate = jax.jit(lambda weights, inputs, targets: loss(weights, inputs, targets, None))

    def validate_and_save(step):
        fixed = np.random.default_rng(0)
        losses = [
            float(evaluate(weights, *sample_windows(corpus.validation, VALIDATION_BATCH_SIZE, arguments.context, fixed)))
            for _ in range(VALIDATION_BATCHES)
        ]
        validation_loss = float(np.mean(losses))
        config = {
            "vocab_size": corpus.vocab_size,
            "d_model": arguments.width,
            "num_heads": arguments.heads,
            "num_layers": arguments.layers,
            "sequence_length": arguments.context,
            "ffn_expansion": FFN_EXPANSION,
            "pos_encoding": "learned",
            "dropout": arguments.dropout,
        }
        tokenizer = {"min_frequency": 1, "char_to_id": corpus.char_to_id, "special_tokens": SPECIAL_TOKENS}
        description = {"step": step, "val_loss": validation_loss, "config": config, "tokenizer": tokenizer}
        save_weights(weights, weights_path, description)
        return validation_loss

    start = time.monotonic()
    step = 0
    while (share := (time.monotonic() - start) / (60 * arguments.minutes)) < 1:
        warm_up = min(1, (step + 1) / 200)
        rate = arguments.learning_rate * warm_up * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
        inputs, targets = sample_windows(corpus.training, arguments.batch, arguments.context, rng)
        key = jax.random.fold_in(dropout_key, step)
        weights, state, value = update(weights, state, inputs, targets, rate, key)
        step += 1
        if step % REPORT_STEPS == 0:
            seconds = time.monotonic() - start
            print(f"step {step}, {seconds:.0f} s: {float(value):.4f}, {validate_and_save(step):.4f}", flush=True)
        if step % RESHUFFLE_STEPS == 0:
            corpus.reshuffle()
    print(f"end, step {step}: validation loss {validate_and_save(step):.4f}")


def write_checkpoint(weights_path, out):
    """Write the tensors under FundamentaLLM's names."""
    import torch

    arrays = np.load(weights_path)
    description = json.loads(weights_path.with_suffix(".json").read_text(encoding="utf-8"))

    def tensor(name):
        return torch.from_numpy(np.array(arrays[name], dtype=np.float32))

    state = collections.OrderedDict()
    state["token_embedding.weight"] = tensor("tok")
    state["positional_encoding.embeddings.weight"] = tensor("pos")
    for i in range(description["config"]["num_layers"]):
        block = f"blocks.{i}."
        state[block + "norm1.weight"] = tensor(f"{i}.n1")
        state[block + "norm2.weight"] = tensor(f"{i}.n2")
        for part in "qkvo":
            state[block + f"attention.W_{part}.weight"] = tensor(f"{i}.W{part}")
            state[block + f"attention.W_{part}.bias"] = tensor(f"{i}.b{part}")
        for part in "12":
            state[block + f"ffn.linear{part}.weight"] = tensor(f"{i}.W{part}")
            state[block + f"ffn.linear{part}.bias"] = tensor(f"{i}.b{part}")
    state["output_norm.weight"] = tensor("norm")
    state["output_proj.weight"] = state["token_embedding.weight"]
    checkpoint = {
        "model_state": state,
        "epoch": 1,
        "step": description["step"],
        "metrics": {"val_loss": description["val_loss"]},
        "model_config": description["config"],
    }
    torch.save(checkpoint, out / "model.pt")
    (out / "tokenizer.json").write_text(json.dumps(description["tokenizer"], indent=1), encoding="utf-8")


def main():
    arguments = parse_arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    weights_path = arguments.out / "weights.npz"
    if not arguments.from_weights:
        train(arguments, weights_path)
    if not arguments.weights_only:
        write_checkpoint(weights_path, arguments.out)


if __name__ == "__main__":
    main()
