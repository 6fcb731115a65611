// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "fundamentallm/c_api.h"
#include "python/src/array_view.h"

namespace fllm::python {

/// A sampler of one device. Calls release the GIL while the library works. Not usable in a process forked after it was made.
class Sampler {
 public:
  Sampler(std::int32_t device_type, std::int32_t device_index, std::int32_t threads);

  [[nodiscard]] std::string description() const;

  /// Bytes that `workspace` of such a call of sample must have.
  [[nodiscard]] std::size_t workspace_bytes(std::int32_t rows, std::int32_t vocab, std::int32_t logits_dtype,
                                            std::int32_t blocks_per_row) const;

  /// arrays: by the names of fllm_sample_tensors. Without "workspace", which only a CPU sampler may do without, memory of the
  /// calling thread is used.
  void sample(const nanobind::dict& arrays, std::int32_t random_stream, std::int32_t blocks_per_row, bool advance,
              std::uintptr_t stream) const;

  /// One step of a sharded draw. shard: by the names of fllm_shard_args, "words" and "states" being arrays.
  void sample_shard(const nanobind::dict& arrays, const nanobind::dict& shard, std::int32_t random_stream,
                    std::int32_t blocks_per_row, bool advance, std::uintptr_t stream) const;

  /// arrays: by the names of fllm_history_append_tensors.
  void append(const nanobind::dict& arrays, std::int32_t vocab, std::uintptr_t stream) const;

 private:
  struct Destroy {
    long process;
    void operator()(fllm_sampler* sampler) const;
  };

  [[nodiscard]] fllm_sample_args arguments(const fllm_sample_tensors& tensors, std::int32_t random_stream,
                                           std::int32_t blocks_per_row, bool advance) const;

  Device device_;
  std::unique_ptr<fllm_sampler, Destroy> sampler_;
};

}  // namespace fllm::python
