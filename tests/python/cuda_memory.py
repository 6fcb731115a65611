# SPDX-License-Identifier: Apache-2.0
"""Stands in for cupy where it is not installed: arrays in the memory of a CUDA runtime, through ctypes, with what the package
uses of cupy and no more. The runtime may be any that answers to libcudart's name."""
import contextlib
import ctypes
import sys
import types

import numpy as np

HOST_TO_DEVICE, DEVICE_TO_HOST = 1, 2
CODES = {"i": 0, "u": 1, "f": 2}


def find_runtime():
    """The libcudart this process has loaded, as the extension has; None where there is none."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split()[-1] for line in maps if "libcudart" in line}
    return ctypes.CDLL(sorted(paths)[0]) if paths else None


class _Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32), ("ndim", ctypes.c_int32),
                ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
                ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


_DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Managed(ctypes.Structure):
    _fields_ = [("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", _DELETER)]


class Memory:
    """The stand-in's functions over one runtime."""

    def __init__(self, runtime):
        self._runtime = runtime
        self._lent = {}  # arrays and structures that a capsule's user still holds
        self.deleter = _DELETER(lambda address: self._lent.pop(address, None))
        self.streams_asked = []  # the stream argument of every __dlpack__

    def call(self, name, *arguments):
        status = getattr(self._runtime, name)(*arguments)
        if status != 0:
            raise RuntimeError(f"{name}: CUDA error {status}")

    def allocate(self, size):
        pointer = ctypes.c_void_p()
        self.call("cudaMalloc", ctypes.byref(pointer), ctypes.c_size_t(max(size, 1)))
        return pointer.value

    def copy(self, target, source, size, kind):
        self.call("cudaMemcpy", ctypes.c_void_p(target), ctypes.c_void_p(source), ctypes.c_size_t(size), kind)

    def synchronize(self):
        self.call("cudaDeviceSynchronize")

    def make_stream(self):
        stream = ctypes.c_void_p()
        self.call("cudaStreamCreate", ctypes.byref(stream))
        return stream.value

    @contextlib.contextmanager
    def capture(self, stream, replays):
        """What is enqueued on the stream inside is captured, and run so many times afterwards; `replays` is a list of functions,
        each called after one run. Nothing inside may allocate or copy: a runtime ends the capture then."""
        graph, runnable, handle = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p(stream)
        self.call("cudaStreamBeginCapture", handle, 0)
        yield
        self.call("cudaStreamEndCapture", handle, ctypes.byref(graph))
        self.call("cudaGraphInstantiate", ctypes.byref(runnable), graph, ctypes.c_ulonglong(0))
        for look in replays:
            self.call("cudaGraphLaunch", runnable, handle)
            self.synchronize()
            look()

    def capsule(self, array):
        shape = (ctypes.c_int64 * len(array.shape))(*array.shape)
        strides = (ctypes.c_int64 * len(array.shape))(*array.strides)
        tensor = _Tensor(array.pointer, 2, 0, len(array.shape), CODES[array.dtype.kind], array.dtype.itemsize * 8, 1, shape, strides, 0)
        managed = _Managed(tensor, None, self.deleter)
        self._lent[ctypes.addressof(managed)] = (array, managed, shape, strides)
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(ctypes.addressof(managed), b"dltensor", None)


class ndarray:  # noqa: N801  cupy's name
    """Rows may be apart: strides are in elements."""

    def __init__(self, memory, pointer, shape, dtype, strides=None, owner=None):
        self.memory, self.pointer, self.owner = memory, pointer, owner
        self.shape, self.dtype = tuple(int(extent) for extent in shape), np.dtype(dtype)
        self.strides = strides or tuple(int(np.prod(self.shape[i + 1:])) for i in range(len(self.shape)))

    def __del__(self):
        if self.owner is None:
            self.memory.call("cudaFree", ctypes.c_void_p(self.pointer))

    def __len__(self):
        return self.shape[0]

    def __dlpack_device__(self):
        return 2, 0

    def __dlpack__(self, stream=None):
        self.memory.streams_asked.append(stream)
        return self.memory.capsule(self)

    def reshape(self, *shape):
        sizes = np.empty(self.shape, np.int8).reshape(*shape).shape
        return ndarray(self.memory, self.pointer, sizes, self.dtype, owner=self)

    def columns(self, stop):
        return ndarray(self.memory, self.pointer, (self.shape[0], stop), self.dtype, self.strides, owner=self)

    def get(self):
        """A compact array's values, when all work is done."""
        self.memory.synchronize()
        values = np.empty(self.shape, self.dtype)
        self.memory.copy(values.ctypes.data, self.pointer, values.nbytes, DEVICE_TO_HOST)
        return values


def install(runtime):
    """Puts the stand-in in cupy's place; returns the module and its Memory."""
    memory = Memory(runtime)
    module = types.ModuleType("cupy")
    current = [0]

    def array(values, dtype):
        values = np.ascontiguousarray(values, dtype)
        made = ndarray(memory, memory.allocate(values.nbytes), values.shape, values.dtype)
        memory.copy(made.pointer, values.ctypes.data, values.nbytes, HOST_TO_DEVICE)
        return made

    @contextlib.contextmanager
    def external_stream(pointer, _device):
        before, current[0] = current[0], pointer
        try:
            yield
        finally:
            current[0] = before

    module.array = array
    module.empty = lambda shape, dtype: array(np.full(shape, 1, dtype), dtype)
    module.full = lambda count, value, dtype: array(np.full(count, value, dtype), dtype)
    module.arange = lambda start, stop, step, dtype: array(np.arange(start, stop, step, dtype), dtype)
    module.cuda = types.SimpleNamespace(
        get_current_stream=lambda _device: types.SimpleNamespace(ptr=current[0]), ExternalStream=external_stream,
        Device=lambda _device: contextlib.nullcontext())
    ndarray.__module__ = "cupy"
    sys.modules["cupy"] = module
    return module, memory
