#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write a GGUF with the gguf package and safetensors files with the safetensors package, and what they hold.

OUT has the files, and of each tensor FILE.d/NAME.f32, its elements in row-major order as these packages (gguf's numpy
dequantiser, numpy's conversions) give them. FILE.d/shapes lists "NAME TYPE DIMENSION…" a line, outermost first.
Exits 77, leaving OUT without the file "ready", where a package is missing.
"""

import json
import shutil
import sys
from pathlib import Path

from python_packages import require

if __name__ == "__main__":
    shutil.rmtree(sys.argv[1], ignore_errors=True)  # before a package may turn out to be missing
np, gguf, quants, safetensors = require("numpy", "gguf", "gguf.quants", "safetensors.numpy")

BLOCKS = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q6_K"]


def random_blocks(rng, kind, rows, blocks):
    """Any bytes, but scales that are numbers: NaN has many spellings."""
    _, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    raw = rng.integers(0, 256, (rows, blocks, block_bytes), dtype=np.uint8)
    offsets = {"Q4_K": [0, 2], "Q6_K": [208], "Q4_1": [0, 2], "Q5_1": [0, 2]}.get(kind.name, [0])
    for offset in offsets:
        raw[:, :, offset + 1] &= 0xBF  # exponents below 16
    return raw.reshape(rows, -1)


class Expected:
    def __init__(self, file):
        self.folder = file.with_name(file.name + ".d")
        self.folder.mkdir()
        self.lines = []

    def add(self, name, kind, values):
        np.ascontiguousarray(values, dtype=np.float32).tofile(self.folder / f"{name}.f32")
        self.lines.append(" ".join([name, kind, *map(str, values.shape)]))

    def write(self):
        (self.folder / "shapes").write_text("\n".join(self.lines) + "\n")


def write_gguf(path, rng):
    expected = Expected(path)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_array("some.texts", ["a", "b"])
    for name, dtype in {"f64": np.float64, "f32": np.float32, "f16": np.float16}.items():
        values = rng.standard_normal((2, 3, 5)).astype(dtype)
        writer.add_tensor(name, values)
        expected.add(name, name.upper(), values)
    bf16 = rng.integers(0, 0x7F80, (4, 6), dtype=np.uint16)
    writer.add_tensor("bf16", bf16.view(np.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)
    expected.add("bf16", "BF16", (bf16.astype(np.uint32) << 16).view(np.float32))
    for block in BLOCKS:
        kind = gguf.GGMLQuantizationType[block]
        raw = random_blocks(rng, kind, 3, 5)
        writer.add_tensor(block, raw, raw_dtype=kind)
        expected.add(block, block, quants.dequantize(raw, kind))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    expected.write()


def write_safetensors(out, rng):
    tensors = {name: rng.standard_normal((3, 4)).astype(dtype)
               for name, dtype in {"f64": np.float64, "f32": np.float32, "f16": np.float16}.items()}
    tensors["scalar"] = np.array(2.5, np.float32)
    tensors["empty"] = np.zeros((0, 3), np.float32)
    kinds = {"float64": "F64", "float32": "F32", "float16": "F16"}
    paths = [out / "one.safetensors", out / "model.safetensors.index.json"]
    for path in paths:
        expected = Expected(path)
        for name, values in tensors.items():
            expected.add(name, kinds[values.dtype.name], values)
        expected.write()
    safetensors.save_file(tensors, paths[0], metadata={"format": "np"})
    where = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(tensors)}
    for file in set(where.values()):
        safetensors.save_file({n: v for n, v in tensors.items() if where[n] == file}, out / file)
    paths[1].write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": where}))


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True)
    rng = np.random.default_rng(5)
    write_gguf(out / "types.gguf", rng)
    write_safetensors(out, rng)
    (out / "ready").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
