// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/model/tensor_source.h"
#include "host/util/byte_reader.h"

namespace fllm {

/// Takes the descriptions of a GGUF's tensors; their offsets count from the beginning of the data, which is not known
/// before. Refuses (kBadFormat) names that are empty or longer than 64 bytes, other than 1 to 4 dimensions, dimensions
/// of 0, sizes that overflow, partial blocks; kUnsupported: types that cannot be read, all at once.
[[nodiscard]] std::vector<TensorInfo> read_gguf_tensors(ByteReader& reader, std::uint64_t count,
                                                        const std::string& source);

struct GgufData {
  std::uint64_t begin = 0;  // in the file
  std::uint64_t bytes = 0;
  std::uint32_t alignment = 32;
};

/// Makes the offsets count from the beginning of the file. Refuses (kBadFormat) offsets that are not aligned, tensors that
/// reach beyond the data or share bytes.
void place_gguf_tensors(std::vector<TensorInfo>& tensors, const GgufData& data, const std::string& source);

}  // namespace fllm
