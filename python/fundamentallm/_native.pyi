# SPDX-License-Identifier: Apache-2.0
"""The C interface of the library; use the package's own functions."""
from typing import Any

version: str
shard_state_bytes: int

def shard_words(ranks: int, list_size: int) -> int: ...

class Error(RuntimeError):
    """A call of the library failed. ValueError and MemoryError are raised as such."""

class UnsupportedError(Error):
    """A valid request that this build or machine cannot run: no CUDA, no such device."""

class DeviceLostError(Error):
    """A device fault, of this launch or an earlier one; every later call says so too."""

class Sampler:
    def __init__(self, device_type: int, device_index: int, threads: int) -> None: ...
    @property
    def description(self) -> str: ...
    def workspace_bytes(self, rows: int, vocab: int, logits_dtype: int, blocks_per_row: int) -> int: ...
    def sample(self, arrays: dict[str, Any], random_stream: int, blocks_per_row: int, advance: bool, stream: int) -> None: ...
    def sample_shard(self, arrays: dict[str, Any], shard: dict[str, Any], random_stream: int, blocks_per_row: int, advance: bool,
                     stream: int) -> None: ...
    def append(self, arrays: dict[str, Any], vocab: int, stream: int) -> None: ...
