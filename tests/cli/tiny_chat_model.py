# SPDX-License-Identifier: Apache-2.0
"""A GGUF with a chat template and a small context, whose weights are random: what a conversation needs, and no more."""
import random
import struct

CONTEXT, WIDTH, HEADS, FFN = 96, 32, 2, 48
# Bytes as GPT-2 writes them, of printable ASCII alone; then what ChatML and GGUF need.
PIECES = ["\u0120"] + [chr(c) for c in range(0x21, 0x7f)] + ["\u010a", "<|im_start|>", "<|im_end|>"]
TEMPLATE = ("{% for m in messages %}{{'<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
            "{% if add_generation_prompt %}{{'<|im_start|>assistant\\n'}}{% endif %}")


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def key(name, kind, value):
    return text(name) + struct.pack("<I", kind) + value


def u32(name, value):
    return key(name, 4, struct.pack("<I", value))


def array(name, kind, items):
    return key(name, 9, struct.pack("<IQ", kind, len(items)) + b"".join(items))


def write(path, template=TEMPLATE, merges=()):
    """The chat template is left out where it is empty. merges: pairs of pieces that are tokens together too."""
    pieces = PIECES[:-2] + [left + right for left, right in merges] + PIECES[-2:]
    keys = [key("general.architecture", 8, text("llama")), u32("llama.context_length", CONTEXT), u32("llama.embedding_length", WIDTH),
            u32("llama.block_count", 1), u32("llama.feed_forward_length", FFN), u32("llama.attention.head_count", HEADS),
            key("llama.attention.layer_norm_rms_epsilon", 6, struct.pack("<f", 1e-5)), key("tokenizer.ggml.model", 8, text("gpt2")),
            key("tokenizer.ggml.pre", 8, text("gpt-2")), array("tokenizer.ggml.tokens", 8, [text(piece) for piece in pieces]),
            array("tokenizer.ggml.token_type", 5, [struct.pack("<i", 3 if piece.startswith("<|") else 1) for piece in pieces]),
            array("tokenizer.ggml.merges", 8, [text(" ".join(pair)) for pair in merges]), u32("tokenizer.ggml.eos_token_id", len(pieces) - 1)]
    if template:
        keys.append(key("tokenizer.chat_template", 8, text(template)))
    block = "blk.0."
    shapes = {"token_embd": [WIDTH, len(pieces)], "output_norm": [WIDTH], block + "attn_norm": [WIDTH], block + "ffn_norm": [WIDTH]}
    shapes |= {block + name: [WIDTH, WIDTH] for name in ("attn_q", "attn_k", "attn_v", "attn_output")}
    shapes |= {block + "ffn_gate": [WIDTH, FFN], block + "ffn_up": [WIDTH, FFN], block + "ffn_down": [FFN, WIDTH]}
    rng, infos, data = random.Random(4), b"", b""
    for name, shape in shapes.items():
        infos += text(name + ".weight") + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        count = shape[0] * (shape[1] if len(shape) == 2 else 1)
        data += struct.pack(f"<{count}f", *(1 if len(shape) == 1 else rng.gauss(0, 0.5) for _ in range(count)))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(keys)) + b"".join(keys) + infos
    with open(path, "wb") as file:
        file.write(head + b"\0" * (-len(head) % 32) + data)
