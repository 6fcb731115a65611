# SPDX-License-Identifier: Apache-2.0
"""A small reader of GGUF files that are known to be sound, written from the format's description: numbers of the metadata,
and tensors of F32, Q8_0 and Q4_1 as fp32. (PyPI's gguf makes an array of every text: seconds for a vocabulary.)"""
import mmap
import struct

from python_packages import require

(np,) = require("numpy")

NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
TEXT, ARRAY = 8, 9
ELEMENTS_BYTES = {0: (1, 4), 3: (32, 20), 8: (32, 34)}  # of a block, by type: F32, Q4_1, Q8_0


class GgufArrays:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.at = 4
        version, tensors, entries = (self.number(code) for code in ("<I", "<Q", "<Q"))
        if self.data[:4] != b"GGUF" or version != 3:
            raise ValueError(f"{path}: no GGUF of version 3")
        self.metadata = {}
        for _ in range(entries):
            key = self.text()
            self.metadata[key] = self.value(self.number("<I"))
        self.tensors = {}
        for _ in range(tensors):
            name = self.text()
            extents = [self.number("<Q") for _ in range(self.number("<I"))]
            self.tensors[name] = (extents[::-1], self.number("<I"), self.number("<Q"))  # shape, type, offset
        unit = self.metadata.get("general.alignment", 32)
        self.begin = -(-self.at // unit) * unit

    def number(self, code):
        self.at += struct.calcsize(code)
        return struct.unpack_from(code, self.data, self.at - struct.calcsize(code))[0]

    def text(self):
        size = self.number("<Q")
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def value(self, kind):
        if kind == TEXT:
            return self.text()
        if kind == ARRAY:
            kind = self.number("<I")
            return [self.value(kind) for _ in range(self.number("<Q"))]
        return self.number(NUMBERS[kind])

    def array(self, name):
        """fp32, outermost dimension first."""
        shape, kind, offset = self.tensors[name]
        elements, size = ELEMENTS_BYTES[kind]
        count = int(np.prod(shape)) // elements
        blocks = np.frombuffer(self.data, np.uint8, count * size, self.begin + offset).reshape(count, size)
        if kind == 0:
            return blocks.view("<f4").reshape(shape)
        scale = blocks[:, :2].copy().view("<f2").astype(np.float32)  # [count, 1]
        if kind == 8:
            values = blocks[:, 2:].view(np.int8) * scale
        else:
            least = blocks[:, 2:4].copy().view("<f2").astype(np.float32)
            values = np.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], 1) * scale + least
        return values.reshape(shape)
