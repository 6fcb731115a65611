// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fllm {

/// Collects the tensor types of a file that cannot be read, to name them all in one error.
class UnreadableTypes {
 public:
  void add(std::string_view type, std::string_view tensor);
  /// Exception(kUnsupported) naming each type, one of its tensors and how many there are, when there is any.
  void refuse(const std::string& source, std::string_view readable) const;

 private:
  struct Found {
    std::string type;
    std::string tensor;  // the first
    std::uint64_t count = 0;
  };
  std::vector<Found> found_;
};

}  // namespace fllm
