// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "host/model/pickle_value.h"

namespace fllm {

/// Bytes of one element. Precondition: type is not kOther.
[[nodiscard]] std::uint64_t element_bytes(StorageType type);

/// Product of the dimensions, none of which is negative; empty when it exceeds 2^62.
[[nodiscard]] std::optional<std::int64_t> element_count(const std::vector<std::int64_t>& shape);

/// Why a tensor's elements are not all distinct elements of its storage, or empty.
[[nodiscard]] std::optional<std::string> reach_problem(const PickleTensor& tensor);

/// Row-major from the storage's first element to its last.
[[nodiscard]] bool is_whole_storage(const PickleTensor& tensor);

/// The tensor's elements in row-major order as fp32. Precondition: reach_problem(tensor) is empty, storage holds all its
/// elements, out has room for the tensor's.
void convert(const PickleTensor& tensor, std::span<const std::byte> storage, std::span<float> out);

/// "[69, 128]"
[[nodiscard]] std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace fllm
