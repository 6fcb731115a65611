// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "host/model/pickle_value.h"

namespace fllm {

/// The objects of a pickle. They may refer to one another in any way a pickle allows, cycles included, and live as long
/// as the document.
class PickleDocument {
 public:
  [[nodiscard]] const PickleValue& root() const { return *root_; }

 private:
  friend class Unpickler;
  std::unique_ptr<const std::string> bytes_;  // strings are views of it
  std::deque<PickleValue> values_;
  PickleRef root_ = nullptr;
};

/// Reads the data.pkl of a checkpoint. Nothing is ever executed: of the pickle language only what describes plain data is
/// understood, and the few functions and types PyTorch's state dicts need are known by name; any other is refused.
/// Exception(kBadFormat), or kUnsupported for a global outside the list, names the source, the byte offset and the value.
[[nodiscard]] PickleDocument unpickle(std::string bytes, const std::string& source);

}  // namespace fllm
