// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "apps/cli/line_reader.h"

namespace fllm::cli {

/// What becomes of a file that was not committed.
enum class CutOff { kRemoved, kLeft };

/// Where the result goes: stdout, or a file that appears whole. A regular file is written beside its target and renamed
/// by commit(), so that the target never holds half a result; pipes and devices are written directly.
/// Errors of every function: kIo with the reason; BrokenPipe.
class OutputSink {
 public:
  /// Empty path: stdout. kLeft: a file is written to partial_path(), which no other run may write at the same time, and
  /// where it stays when the program is killed; what stands there already does, until keep().
  explicit OutputSink(const std::string& path, CutOff cut_off = CutOff::kRemoved);
  OutputSink(const OutputSink&) = delete;
  OutputSink& operator=(const OutputSink&) = delete;
  ~OutputSink();  // without commit() the target is left as it was

  /// Buffered.
  void write(std::string_view text);
  void flush();
  void commit();

  /// Empty unless a file is written that is left when it is cut off: its target, and ".partial".
  [[nodiscard]] std::string partial_path() const { return left_ ? temporary_ : std::string(); }
  /// The file with the records of an earlier run: partial_path() when there was one, else the target; empty for none.
  [[nodiscard]] const std::string& left_behind() const { return left_behind_; }
  /// Cuts partial_path() to its first bytes and goes on after them. Precondition: nothing is written yet.
  void keep(std::int64_t bytes);

  [[nodiscard]] bool is_terminal() const;
  [[nodiscard]] bool is_stdout() const { return target_.empty(); }

 private:
  void open_file(const std::string& path, CutOff cut_off);
  void open_partial();
  [[noreturn]] void fail(const char* what) const;

  std::string target_;     // empty: stdout
  std::string temporary_;  // empty: written directly
  bool left_ = false;
  std::string left_behind_;
  FileDescriptor fd_;
  std::string buffer_;
};

}  // namespace fllm::cli
