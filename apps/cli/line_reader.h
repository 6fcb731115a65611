// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fllm::cli {

/// An open file descriptor; -1 is none.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1, bool owned = true) : fd_(fd), owned_(owned) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.fd_), owned_(other.owned_) { other.fd_ = -1; }
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  void reset();

 private:
  int fd_;
  bool owned_;
};

/// Opens a file for reading; "-" is stdin. Errors: kNotFound, kIo.
[[nodiscard]] FileDescriptor open_input(const std::string& path);

/// All of a file. A signal while it waits throws Interrupted. Errors: kIo; kInvalidArgument over limit_bytes.
[[nodiscard]] std::string read_all(int fd, const std::string& name, std::size_t limit_bytes);

/// Lines of a file, without their ends (\n or \r\n), in bounded memory.
class LineReader {
 public:
  enum class Status {
    kLine,
    kTooLong,  // the line was passed over; its start is in the text
    kEnd,
    kWouldBlock,  // no whole line has arrived yet
  };
  static constexpr std::size_t kMaxLineBytes = std::size_t{16} << 20;

  LineReader(FileDescriptor fd, std::string name, std::size_t max_line_bytes = kMaxLineBytes)
      : fd_(std::move(fd)), name_(std::move(name)), max_line_bytes_(max_line_bytes) {}

  /// The next line. With wait = false it never blocks. A signal while it waits throws Interrupted.
  Status next(std::string& line, bool wait);

  [[nodiscard]] std::int64_t lines_read() const { return lines_read_; }
  [[nodiscard]] std::int64_t bytes_read() const { return bytes_read_; }  // through the last line given
  /// Size of a regular file, else 0.
  [[nodiscard]] std::int64_t size_bytes() const;

 private:
  Status give(std::string& line, std::size_t length, std::size_t end_length);

  FileDescriptor fd_;
  std::string name_;
  std::size_t max_line_bytes_;
  std::string buffer_;
  std::size_t searched_ = 0;
  bool skipping_ = false;  // the rest of a line that is too long
  bool at_end_ = false;
  std::int64_t lines_read_ = 0;
  std::int64_t bytes_read_ = 0;
};

}  // namespace fllm::cli
