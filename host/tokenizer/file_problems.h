// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "host/util/bad_file.h"

namespace fllm {

/// Collects what is wrong with one file, so that it is said at once.
class FileProblems {
 public:
  explicit FileProblems(std::string source) : source_(std::move(source)) {}

  void add(const std::string& what) {
    if (++count_ <= kMaxShown) text_ += (text_.empty() ? "" : "\n" + source_ + ": ") + what;
  }
  /// Exception(kBadFormat) with a line for each of the first ten problems, when there is any.
  void refuse() const {
    if (count_ == 0) return;
    bad_file(source_, count_ <= kMaxShown ? text_ : text_ + "\nand " + std::to_string(count_ - kMaxShown) + " more");
  }
  [[nodiscard]] bool any() const { return count_ != 0; }
  [[nodiscard]] const std::string& source() const { return source_; }

 private:
  static constexpr std::size_t kMaxShown = 10;
  std::string source_;
  std::string text_;
  std::size_t count_ = 0;
};

}  // namespace fllm
