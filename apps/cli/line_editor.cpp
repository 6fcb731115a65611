// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/line_editor.h"

#include <histedit.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <filesystem>
#include <system_error>
#include <utility>

#include "apps/cli/errors.h"
#include "apps/cli/line_reader.h"
#include "apps/cli/signals.h"

namespace fllm::cli {

namespace {

constexpr int kHistoryLines = 1000;

/// Columns of a text of the locale's encoding.
std::size_t width_of(const std::string& text) {
  std::mbstate_t state{};
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size();) {
    wchar_t character = 0;
    const std::size_t used = std::mbrtowc(&character, text.data() + i, text.size() - i, &state);
    if (used == 0 || used > text.size()) break;
    columns += static_cast<std::size_t>(std::max(wcwidth(character), 0));
    i += used;
  }
  return columns;
}

/// Character types as UTF-8, also where the locale of the environment is "C".
void use_utf8() {
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
}

EditLine* start_editor() {
  use_utf8();  // libedit asks for the character types when it starts
  return el_init("fundamentallm", stdin, stderr, stderr);
}

}  // namespace

class LineEditor::Terminal {
 public:
  explicit Terminal(const std::string& history_path)
      : history_path_(history_path), editor_(start_editor()), history_(history_init()) {
    if (editor_ == nullptr || history_ == nullptr)
      throw Exception(ErrorCode::kInternal, "the line editor cannot start");
    HistEvent event;
    history(history_, &event, H_SETSIZE, kHistoryLines);
    history(history_, &event, H_SETUNIQUE, 1);
    if (!history_path_.empty()) history(history_, &event, H_LOAD, history_path_.c_str());
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT, &Terminal::prompt);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_SIGNAL, 0);
    el_set(editor_, EL_HIST, history, history_);
    el_set(editor_, EL_GETCFN, &Terminal::read_character);
    el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_source(editor_, nullptr);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    HistEvent event;
    if (!history_path_.empty()) history(history_, &event, H_SAVE, history_path_.c_str());
    el_end(editor_);
    history_end(history_);
  }

  Status read(const std::string& prompt, std::string& line) {
    prompt_ = prompt;
    int count = 0;
    el_set(editor_, EL_PREP_TERM, 1);  // before the prompt is seen: what answers it at once is edited too
    const char* text = el_gets(editor_, &count);
    if (noted_signal() != 0) {
      at_end_ = false;
      std::fputs("^C\n", stderr);
      el_reset(editor_);
      return Status::kInterrupted;
    }
    if (text == nullptr || count <= 0) {
      std::fputs("\n", stderr);
      return Status::kEnd;
    }
    line.assign(text, static_cast<std::size_t>(count));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    HistEvent event;
    if (!line.empty()) history(history_, &event, H_ENTER, line.c_str());
    return Status::kLine;
  }

 private:
  static Terminal& of(EditLine* editor) {
    Terminal* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return *self;
  }
  static char* prompt(EditLine* editor) { return of(editor).prompt_.data(); }

  /// One character for libedit: 1, 0 at the end, -1 after a signal. libedit's own reader would read on after a signal.
  static int read_character(EditLine* editor, wchar_t* out) {
    std::mbstate_t state{};
    while (true) {
      if (noted_signal() != 0) return of(editor).leave_line(out);
      of(editor).follow_terminal();
      pollfd entry{STDIN_FILENO, POLLIN, 0};
      constexpr int kPollMilliseconds = 100;  // a signal between the check above and the wait is seen then
      if (poll(&entry, 1, kPollMilliseconds) <= 0) continue;
      char byte = 0;
      const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return count == 0 ? 0 : -1;
      const std::size_t used = std::mbrtowc(out, &byte, 1, &state);
      if (used == static_cast<std::size_t>(-2)) continue;  // more bytes belong to it
      if (used == static_cast<std::size_t>(-1)) {
        state = {};
        continue;  // a bad byte is not typed
      }
      return 1;
    }
  }

  /// Goes to the end of what was typed, so that nothing is written into it, then gives up the line.
  int leave_line(wchar_t* out) {
    constexpr wchar_t kMoveToEnd = L'\x05';  // Ctrl-E
    *out = kMoveToEnd;
    return std::exchange(at_end_, true) ? -1 : 1;
  }

  /// From where the prompt stands, once the terminal has wrapped the line at its new width.
  void erase_line() const {
    const LineInfo* info = el_line(editor_);
    const std::string shown = prompt_ + std::string(info->buffer, info->cursor);
    const std::size_t rows = width_of(shown) / columns_;
    std::fputs("\r", stderr);
    if (rows > 0) std::fprintf(stderr, "\x1b[%zuA", rows);
    std::fputs("\x1b[J", stderr);
  }

  /// Draws the line again where the window has another size, or the program was stopped and goes on: the shell has then
  /// set the terminal its own way.
  void follow_terminal() {
    winsize size{};
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != columns_) {
      if (std::exchange(columns_, size.ws_col) != 0 && size.ws_col != 0) {
        erase_line();
        el_resize(editor_);
        el_set(editor_, EL_REFRESH);
      }
    }
    termios mode{};
    if (tcgetattr(STDIN_FILENO, &mode) == 0 && (mode.c_lflag & ICANON) != 0) {
      el_set(editor_, EL_PREP_TERM, 0);
      el_set(editor_, EL_PREP_TERM, 1);
      el_set(editor_, EL_REFRESH);
    }
  }

  std::string history_path_;
  std::string prompt_;
  EditLine* editor_;
  History* history_;
  unsigned short columns_ = 0;  // 0: not yet known
  bool at_end_ = false;         // of a line that a signal ends
};

class LineEditor::Pipe {
 public:
  Status read(std::string& line) {
    try {
      switch (reader_.next(line, true)) {
        case LineReader::Status::kEnd:
          return Status::kEnd;
        case LineReader::Status::kTooLong:
          throw Exception(ErrorCode::kInvalidArgument, "stdin: line " + std::to_string(reader_.lines_read()) +
                                                           " is longer than " +
                                                           std::to_string(LineReader::kMaxLineBytes) + " bytes");
        default:
          return Status::kLine;
      }
    } catch (const Interrupted&) {
      return Status::kInterrupted;
    }
  }

 private:
  LineReader reader_{open_input("-"), "stdin"};
};

LineEditor::LineEditor(const std::string& history_path) {
  if (isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1) {
    terminal_ = std::make_unique<Terminal>(history_path);
  } else {
    pipe_ = std::make_unique<Pipe>();
  }
}

LineEditor::~LineEditor() = default;

LineEditor::Status LineEditor::read(const std::string& prompt, std::string& line) {
  return terminal_ ? terminal_->read(prompt, line) : pipe_->read(line);
}

std::string default_history_path() {
  std::filesystem::path folder;
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    folder = state;
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    folder = std::filesystem::path(home) / ".local" / "state";
  } else {
    return {};
  }
  folder /= "fundamentallm";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return {};
  return (folder / "history").string();
}

}  // namespace fllm::cli
