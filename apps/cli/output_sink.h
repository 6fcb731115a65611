// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "apps/cli/line_reader.h"

namespace fllm::cli {

/// Where the result goes: stdout, or a file that appears whole. A regular file is written beside its target and renamed
/// by commit(), so that the target never holds half a result; pipes and devices are written directly.
/// Errors of every function: kIo with the reason; BrokenPipe.
class OutputSink {
 public:
  /// Empty path: stdout.
  explicit OutputSink(const std::string& path);
  OutputSink(const OutputSink&) = delete;
  OutputSink& operator=(const OutputSink&) = delete;
  ~OutputSink();  // without commit() the target is left as it was

  /// Buffered.
  void write(std::string_view text);
  void flush();
  void commit();

  [[nodiscard]] bool is_terminal() const;
  [[nodiscard]] bool is_stdout() const { return target_.empty(); }

 private:
  void open_file(const std::string& path);
  [[noreturn]] void fail(const char* what) const;

  std::string target_;     // empty: stdout
  std::string temporary_;  // empty: written directly
  FileDescriptor fd_;
  std::string buffer_;
};

}  // namespace fllm::cli
