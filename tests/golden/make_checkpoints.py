#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write checkpoints with PyTorch, and the logits a plain restatement of the model gives for them.

OUT/<case>/ holds a checkpoint (and a config file where the case wants one) and expected.bin, little-endian:
int32 sequence count, then of each sequence int32 length, int32 tokens[length], float32 logits[length][vocab].
Exits 77, leaving OUT without the file "ready", where there is no torch.
"""

import collections
import io
import math
import os
import shutil
import sys
from pathlib import Path

try:
    import torch
except ImportError:
    # Debian's python3-torch belongs to Debian's Python, which need not be the first one on PATH.
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    torch = None

BUNDLED = Path(__file__).resolve().parents[2] / "apps" / "models" / "shakespeare"
DEFAULTS = {
    "vocab_size": 23,
    "d_model": 32,
    "num_heads": 2,
    "num_layers": 2,
    "sequence_length": 40,
    "dropout": 0.1,
    "ffn_expansion": 4,
    "pos_encoding": "learned",
}


def sinusoidal(config):
    length, width = config["sequence_length"], config["d_model"]
    position = torch.arange(length, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10000.0) / width))
    table = torch.zeros(length, width)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate[: width // 2])
    return table


def random_state(config, seed):
    """Weights large enough that every part of the model moves the logits."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape, scale):
        return scale * torch.randn(*shape, generator=generator)

    width, ffn = config["d_model"], config["d_model"] * config["ffn_expansion"]
    state = collections.OrderedDict()
    state["token_embedding.weight"] = normal(config["vocab_size"], width, scale=0.6)
    if config["pos_encoding"] == "learned":
        state["positional_encoding.embeddings.weight"] = normal(config["sequence_length"], width, scale=0.6)
    else:
        state["positional_encoding.pe"] = sinusoidal(config)
    for i in range(config["num_layers"]):
        block = f"blocks.{i}."
        state[block + "norm1.weight"] = 1 + normal(width, scale=0.2)
        state[block + "norm2.weight"] = 1 + normal(width, scale=0.2)
        for part in "qkvo":
            state[block + f"attention.W_{part}.weight"] = normal(width, width, scale=1.3 / math.sqrt(width))
            state[block + f"attention.W_{part}.bias"] = normal(width, scale=0.3)
        state[block + "ffn.linear1.weight"] = normal(ffn, width, scale=1 / math.sqrt(width))
        state[block + "ffn.linear1.bias"] = normal(ffn, scale=0.3)
        state[block + "ffn.linear2.weight"] = normal(width, ffn, scale=1 / math.sqrt(ffn))
        state[block + "ffn.linear2.bias"] = normal(width, scale=0.3)
    state["output_norm.weight"] = 1 + normal(width, scale=0.2)
    state["output_proj.weight"] = state["token_embedding.weight"]
    return state


def logits(config, state, tokens):
    """The model, written down plainly. state: fp32; result: [tokens, vocab]."""

    def rms_norm(x, weight):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6) * weight

    def linear(x, name):
        return x @ state[name + ".weight"].T + state[name + ".bias"]

    length, heads = len(tokens), config["num_heads"]
    head_dim = config["d_model"] // heads
    positions = state.get("positional_encoding.embeddings.weight", state.get("positional_encoding.pe"))
    x = state["token_embedding.weight"][tokens] + positions[:length]
    future = torch.triu(torch.ones(length, length, dtype=torch.bool), 1)
    for i in range(config["num_layers"]):
        block = f"blocks.{i}."
        normed = rms_norm(x, state[block + "norm1.weight"])
        mixed = torch.empty_like(x)
        query, key, value = (linear(normed, block + f"attention.W_{part}") for part in "qkv")
        for h in range(heads):
            columns = slice(h * head_dim, (h + 1) * head_dim)
            scores = query[:, columns] @ key[:, columns].T / math.sqrt(head_dim)
            shares = torch.softmax(scores.masked_fill(future, -math.inf), -1)
            mixed[:, columns] = shares @ value[:, columns]
        x = x + linear(mixed, block + "attention.W_o")
        hidden = linear(rms_norm(x, state[block + "norm2.weight"]), block + "ffn.linear1")
        x = x + linear(hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2))), block + "ffn.linear2")
    return rms_norm(x, state["output_norm.weight"]) @ state["token_embedding.weight"].T


def write_expected(folder, config, state, lengths, seed):
    state = {name: tensor.detach().to(torch.float32) for name, tensor in state.items()}
    if state.get("positional_encoding.pe", torch.empty(0, 0)).dim() == 3:
        state["positional_encoding.pe"] = state["positional_encoding.pe"][0]
    generator = torch.Generator().manual_seed(seed)
    with open(folder / "expected.bin", "wb") as file:
        file.write(len(lengths).to_bytes(4, "little"))
        for length in lengths:
            tokens = torch.randint(0, config["vocab_size"], (length,), generator=generator)
            file.write(length.to_bytes(4, "little"))
            file.write(tokens.to(torch.int32).numpy().tobytes())
            file.write(logits(config, state, tokens).contiguous().numpy().tobytes())


def tied(state):
    """The output matrix shares the embedding's memory, as in the model that is saved."""
    state["output_proj.weight"] = state["token_embedding.weight"]
    return state


def converted(state, dtype):
    return tied(collections.OrderedDict((name, tensor.to(dtype)) for name, tensor in state.items()))


def one_storage(state):
    """Every tensor a slice of one long one."""
    flat = torch.cat([tensor.reshape(-1) for tensor in state.values()])
    result, begin = collections.OrderedDict(), 0
    for name, tensor in state.items():
        result[name] = flat[begin : begin + tensor.numel()].view(tensor.shape)
        begin += tensor.numel()
    return tied(result)


def strided(state):
    """Matrices stored column by column, vectors with gaps."""
    result = collections.OrderedDict()
    for name, tensor in state.items():
        if tensor.dim() == 2:
            result[name] = tensor.T.contiguous().T
        else:
            result[name] = torch.stack([tensor, torch.full_like(tensor, math.nan)], 1)[:, 0]
    return tied(result)


def parameters(state):
    return tied(collections.OrderedDict((name, torch.nn.Parameter(tensor)) for name, tensor in state.items()))


def optimizer_state(state):
    """State of AdamW after one step: twice the size of the weights."""
    weights = [torch.nn.Parameter(t.clone()) for name, t in state.items() if name != "output_proj.weight"]
    optimizer = torch.optim.AdamW(weights, lr=1e-3)
    sum((w * w).sum() for w in weights).backward()
    optimizer.step()
    return optimizer.state_dict()


def versioned(state):
    """A state dict as Module.state_dict() makes it, with version numbers as an attribute."""
    state = collections.OrderedDict(state)
    state._metadata = collections.OrderedDict([("", {"version": 1})])
    return state


def yaml_text(config):
    return "".join(f"{key}: {value}\n" for key, value in config.items())


class Writer:
    def __init__(self, out):
        self.out = out
        self.seed = 0

    def case(self, name, save, change=lambda state: state, lengths=(1, 7, 16, 33), **config):
        """save(folder, config, state) writes the checkpoint."""
        self.seed += 1
        config = {**DEFAULTS, **config}
        folder = self.out / name
        folder.mkdir()
        state = change(random_state(config, self.seed))
        save(folder, config, state)
        lengths = [min(length, config["sequence_length"]) for length in lengths]
        write_expected(folder, config, state, lengths, self.seed)


def save_final(folder, config, state):
    """As a finished training run leaves it."""
    torch.save(
        {
            "model_state": versioned(state),
            "epoch": 3,
            "step": 1234,
            "metrics": {"loss": 1.5, "perplexity": math.inf},
            "optimizer_state": optimizer_state(state),
            "scheduler_state": {"step_count": 1234, "last_lr": [1e-4]},
            "model_config": config,
            "training_config": {"device": "cpu", "betas": (0.9, 0.95), "resume": None, "amp": False, "big": 2**40},
        },
        folder / "final_model.pt",
    )


def save_plain(folder, config, state):
    torch.save({"model_state": state, "model_config": config}, folder / "model.pt")


def save_with_aliases(folder, config, state):
    config = dict(config)
    config["hidden_dim"] = config.pop("d_model")
    config["max_seq_len"] = config.pop("sequence_length")
    wrong = {"vocab_size": 1}  # never looked at: the key config comes first
    torch.save({"model_state": state, "config": config, "model_config": wrong}, folder / "model.pt")


def save_best(config_name):
    def save(folder, config, state):
        torch.save({"model_state": state, "epoch": 1, "step": 10, "metrics": {}}, folder / "best.pt")
        (folder / config_name).write_text(yaml_text(config))

    return save


def save_bare(folder, config, state):
    torch.save(state, folder / "model.pt")
    (folder / "model.yaml").write_text(yaml_text(config))


def save_to_buffer(folder, config, state):
    """Without a file name the entries' prefix is "archive"."""
    buffer = io.BytesIO()
    torch.save({"model_state": state, "model_config": config}, buffer)
    (folder / "model.pt").write_bytes(buffer.getvalue())


def save_protocol(protocol):
    def save(folder, config, state):
        torch.save({"model_state": state, "model_config": config}, folder / "model.pt", pickle_protocol=protocol)

    return save


def with_batch_dimension(state):
    state["positional_encoding.pe"] = state["positional_encoding.pe"][None]
    return state


def without(name):
    def change(state):
        del state[name]
        return state

    return change


def save_without_positions(folder, config, state):
    """The table is left out of the file; the reader computes it."""
    kept = collections.OrderedDict((n, t) for n, t in state.items() if n != "positional_encoding.pe")
    save_plain(folder, config, kept)


def write_cases(out):
    writer = Writer(out)
    # Shapes.
    writer.case("learned", save_plain)
    writer.case("sinusoidal", save_plain, pos_encoding="sinusoidal")
    writer.case("sinusoidal_batched", save_plain, with_batch_dimension, pos_encoding="sinusoidal")
    writer.case("sinusoidal_computed", save_without_positions, pos_encoding="sinusoidal")
    writer.case("one_head", save_plain, num_heads=1, num_layers=1)
    writer.case("odd_head", save_plain, d_model=15, num_heads=3, num_layers=3, ffn_expansion=1)
    writer.case("head_of_one", save_plain, d_model=6, num_heads=6, vocab_size=1)
    writer.case("wide_ffn", save_plain, d_model=24, num_heads=4, ffn_expansion=7)
    writer.case("head_of_64", save_plain, d_model=128, num_heads=2, num_layers=3, vocab_size=131)
    writer.case("long", save_plain, lengths=(100, 97), sequence_length=100)
    writer.case("context_of_one", save_plain, sequence_length=1)
    # Element types.
    for name, dtype in (("half", torch.float16), ("bfloat16", torch.bfloat16), ("double", torch.float64)):
        writer.case(name, save_plain, lambda state, dtype=dtype: converted(state, dtype))
    # Layouts.
    writer.case("final", save_final)
    writer.case("aliases", save_with_aliases)
    for name in ("best.yaml", "best.yml", "config.yaml", "model.yaml"):
        writer.case(name.replace(".", "_"), save_best(name))
    writer.case("bare", save_bare)
    writer.case("bare_versioned", save_bare, versioned)
    writer.case("buffer", save_to_buffer)
    writer.case("protocol_4", save_protocol(4))
    writer.case("one_storage", save_plain, one_storage)
    writer.case("strided", save_plain, strided)
    writer.case("strided_half", save_plain, lambda state: strided(converted(state, torch.float16)))
    writer.case("parameters", save_plain, parameters)
    writer.case("untied_copy", save_plain, lambda s: {**s, "output_proj.weight": s["token_embedding.weight"].clone()})
    writer.case("no_output", save_plain, without("output_proj.weight"))


def write_bundled(out):
    for name in ("bundled", "draft"):
        source = BUNDLED if name == "bundled" else BUNDLED / "draft"
        checkpoint = torch.load(source / "model.pt")
        (out / name).mkdir()
        write_expected(out / name, checkpoint["model_config"], checkpoint["model_state"], (1, 5, 63, 256), seed=1)


def main():
    out = Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    if torch is None:
        print("python3-torch is not installed")
        sys.exit(77)
    out.mkdir(parents=True)
    torch.set_num_threads(1)
    write_cases(out)
    write_bundled(out)
    (out / "ready").touch()


if __name__ == "__main__":
    main()
