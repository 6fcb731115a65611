// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fllm {

/// How a file stores the elements of a tensor. Quantised types hold blocks along the last dimension (GGML's formats).
enum class TensorType : std::uint8_t { kF64, kF32, kF16, kBF16, kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ4_K, kQ6_K };

struct TensorInfo {
  std::string name;
  std::vector<std::int64_t> shape;  // outermost dimension first: a linear layer's is [out, in]
  TensorType type = TensorType::kF32;
  std::uint64_t offset = 0;  // of its bytes, in the reader's terms
  std::uint64_t bytes = 0;
};

/// Named tensors in a file, whatever its format. Opening checks every description against the file's size; elements are
/// read when they are asked for. Thread-compatible.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  [[nodiscard]] virtual const std::string& source() const = 0;                    // the file's name, for messages
  [[nodiscard]] virtual std::span<const TensorInfo> tensors() const = 0;          // in file order
  [[nodiscard]] virtual const TensorInfo* find(std::string_view name) const = 0;  // null: there is none
  /// Why a tensor cannot be read, in formats where opening does not settle that for tensors nobody asks for.
  [[nodiscard]] virtual std::optional<std::string> problem(const TensorInfo& /*tensor*/) const { return std::nullopt; }
  /// The elements in row-major order, converted to fp32. Precondition: problem() is empty, out holds all elements.
  virtual void read(const TensorInfo& tensor, std::span<float> out) const = 0;
  /// The bytes as they are stored, valid as long as the source; quantised weights are consumed from them.
  [[nodiscard]] virtual std::span<const std::byte> bytes(const TensorInfo& tensor) const = 0;
};

}  // namespace fllm
