# SPDX-License-Identifier: Apache-2.0
"""What differs between array libraries. None of them is imported before an array of it, or a plain buffer, is met."""
from __future__ import annotations

import contextlib
from typing import Any, Sequence

CPU, CUDA = 1, 2  # DLPack's numbers
_DEVICE_OF = {1: CPU, 2: CUDA, 3: CPU, 13: CUDA}  # 3: pinned host memory, 13: managed memory


def library_of(array: Any) -> str:
    """"numpy", "torch", "cupy" and so on: where the type comes from."""
    return type(array).__module__.partition(".")[0]


def is_array(value: Any) -> bool:
    return hasattr(value, "__dlpack__") or hasattr(value, "__array_interface__")


def device_of(array: Any) -> tuple[int, int]:
    """(CPU or CUDA, index); what has no device is a buffer on the CPU. ValueError for another kind of device."""
    if not hasattr(array, "__dlpack_device__"):
        return CPU, 0
    kind, index = array.__dlpack_device__()
    if int(kind) not in _DEVICE_OF:
        raise ValueError(f"logits: DLPack device type {int(kind)}: must be on the CPU (1) or on CUDA (2)")
    device = _DEVICE_OF[int(kind)]
    return device, int(index) if device == CUDA else 0


def stream_pointer(stream: Any) -> int:
    """The cudaStream_t behind an integer, a torch or cupy stream, or an object with __cuda_stream__."""
    if isinstance(stream, int):
        return stream
    for attribute in ("cuda_stream", "ptr"):
        pointer = getattr(stream, attribute, None)
        if isinstance(pointer, int):
            return pointer
    if hasattr(stream, "__cuda_stream__"):
        return int(stream.__cuda_stream__()[1])
    raise TypeError(f"stream: {type(stream).__name__}: must be an integer, a torch or cupy stream, or have __cuda_stream__")


class Numpy:
    """Makes arrays on the CPU."""

    device = (CPU, 0)
    stream = 0

    def __init__(self) -> None:
        import numpy
        self.module = numpy

    def on_stream(self) -> Any:
        """In it, what this object makes belongs to the stream of the call."""
        return contextlib.nullcontext()

    def empty(self, shape: Sequence[int], dtype: str) -> Any:
        return self.module.empty(shape, dtype)

    def array(self, values: Sequence[Any], dtype: str) -> Any:
        """Integers of an unsigned type may be beyond the signed one."""
        return self.module.array(values, dtype)

    def full(self, count: int, value: Any, dtype: str) -> Any:
        return self.module.full(count, value, dtype)

    def arange(self, stop: int, step: int = 1) -> Any:
        """[0, step, ...] int32, stop excluded."""
        return self.module.arange(0, stop, step, dtype="int32")


class Cupy(Numpy):
    """Makes arrays on a CUDA device, on cupy's current stream or another one."""

    def __init__(self, device: tuple[int, int], stream: Any) -> None:
        import cupy
        self.module = cupy
        self.device = device
        given = stream is not None
        self.stream = stream_pointer(stream) if given else int(cupy.cuda.get_current_stream(device[1]).ptr)
        self._other = cupy.cuda.ExternalStream(self.stream, device[1]) if given else None

    @contextlib.contextmanager
    def on_stream(self) -> Any:
        with self.module.cuda.Device(self.device[1]), self._other or contextlib.nullcontext():
            yield


class Torch:
    """Makes tensors on the CPU or a CUDA device, there on torch's current stream or another one."""

    def __init__(self, device: tuple[int, int], stream: Any) -> None:
        import torch
        self.module = torch
        self.device = device
        self._place = torch.device("cpu" if device[0] == CPU else f"cuda:{device[1]}")
        self._other = None
        self.stream = 0
        if device[0] == CUDA and stream is not None:
            self.stream = stream_pointer(stream)
            self._other = torch.cuda.ExternalStream(self.stream, self._place)
        elif device[0] == CUDA:
            self.stream = int(torch.cuda.current_stream(self._place).cuda_stream)

    def on_stream(self) -> Any:
        return self.module.cuda.stream(self._other) if self._other is not None else contextlib.nullcontext()

    def _dtype(self, name: str) -> Any:  # torch long had no unsigned types but uint8; the bits are the same
        return getattr(self.module, name if name == "uint8" else name.removeprefix("u"))

    @staticmethod
    def _signed(value: Any, dtype: str) -> Any:
        return value - (1 << int(dtype[4:])) if dtype.startswith("uint") and value >> (int(dtype[4:]) - 1) else value

    def empty(self, shape: Sequence[int], dtype: str) -> Any:
        return self.module.empty(shape, dtype=self._dtype(dtype), device=self._place)

    def array(self, values: Sequence[Any], dtype: str) -> Any:
        return self.module.tensor([self._signed(v, dtype) for v in values], dtype=self._dtype(dtype), device=self._place)

    def full(self, count: int, value: Any, dtype: str) -> Any:
        return self.module.full((count,), self._signed(value, dtype), dtype=self._dtype(dtype), device=self._place)

    def arange(self, stop: int, step: int = 1) -> Any:
        return self.module.arange(0, stop, step, dtype=self.module.int32, device=self._place)


def maker_for(like: Any, stream: Any = None) -> Any:
    """What makes arrays beside `like`, of the same library where that is one of the three; on the CPU numpy otherwise.
    stream: None is the library's current one; of no effect on the CPU."""
    device = device_of(like)
    library = library_of(like)
    if library == "torch":
        return Torch(device, stream)
    if device[0] == CPU:
        return Numpy()
    if library == "cupy":
        return Cupy(device, stream)
    raise TypeError(f"logits: {type(like).__name__} of {library} on CUDA: must be a torch or cupy array there "
                    "(torch.from_dlpack and cupy.from_dlpack make one without a copy)")


def reinterpret(array: Any, dtype: str) -> Any:
    """The same memory as elements of another type."""
    if library_of(array) == "torch":
        import torch
        return array.view(getattr(torch, dtype))
    return array.view(dtype)
