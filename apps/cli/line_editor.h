// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

namespace fllm::cli {

/// Lines typed by a user: edited with libedit, with a history, where stdin and stderr are a terminal; else read as they
/// come, without a prompt. The prompt is shown on stderr.
class LineEditor {
 public:
  enum class Status { kLine, kEnd, kInterrupted };

  /// history_path: kept from run to run; empty: no history.
  explicit LineEditor(const std::string& history_path);
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;
  ~LineEditor();

  /// The next line, without its end. kInterrupted: Ctrl-C while it was typed; what was typed is gone.
  Status read(const std::string& prompt, std::string& line);
  [[nodiscard]] bool is_terminal() const { return terminal_ != nullptr; }

 private:
  class Terminal;
  class Pipe;
  std::unique_ptr<Terminal> terminal_;
  std::unique_ptr<Pipe> pipe_;
};

/// $XDG_STATE_HOME/fundamentallm/history, or below ~/.local/state; the folder is made. Empty when there is no such place.
[[nodiscard]] std::string default_history_path();

}  // namespace fllm::cli
