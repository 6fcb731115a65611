// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "host/model/tensor_source.h"

namespace fllm {

using TextMap = std::map<std::string, std::string>;

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  // in the order of their bytes; offsets count from the beginning of the file
  TextMap metadata;                 // "__metadata__"
};

/// What a safetensors file says of its tensors (github.com/huggingface/safetensors, "Format"). Refuses (kBadFormat) what
/// the format does not allow: a header longer than the file or 100 MB, sizes that overflow or differ from the bytes,
/// holes, shared bytes, names that are there twice; and more than 8 dimensions. kUnsupported: dtypes that are no float of
/// 16, 32 or 64 bits, all at once.
[[nodiscard]] SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file, const std::string& source);

}  // namespace fllm
