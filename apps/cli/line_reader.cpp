// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/line_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "apps/cli/errors.h"
#include "apps/cli/signals.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

constexpr std::size_t kChunkBytes = std::size_t{64} << 10;

bool has_input(int fd, int wait_milliseconds) {
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, wait_milliseconds) > 0;
}

/// Appends what one read gives. false: the end.
bool read_some(int fd, const std::string& name, std::string& out) {
  constexpr int kWaitMilliseconds = 100;  // a signal between the look at it and the wait is seen then
  std::array<char, kChunkBytes> chunk;    // filled by read
  while (true) {
    const bool ready = has_input(fd, kWaitMilliseconds);
    if (noted_signal() != 0) throw Interrupted();
    if (!ready) continue;
    const ssize_t count = read(fd, chunk.data(), chunk.size());
    if (count >= 0) {
      out.append(chunk.data(), static_cast<std::size_t>(count));
      return count > 0;
    }
    if (errno != EINTR) throw Exception(ErrorCode::kIo, in_quotes(name) + ": cannot read: " + std::strerror(errno));
  }
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    owned_ = other.owned_;
  }
  return *this;
}

void FileDescriptor::reset() {
  if (fd_ >= 0 && owned_) close(fd_);
  fd_ = -1;
}

FileDescriptor open_input(const std::string& path) {
  if (path == "-") return FileDescriptor(STDIN_FILENO, false);
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) {
    const ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
    throw Exception(code, in_quotes(path) + ": cannot open for reading: " + std::strerror(errno));
  }
  struct stat status {};
  if (fstat(fd.get(), &status) == 0 && S_ISDIR(status.st_mode)) {
    throw Exception(ErrorCode::kIo, in_quotes(path) + ": is a folder: a file is needed");
  }
  return fd;
}

std::string read_all(int fd, const std::string& name, std::size_t limit_bytes) {
  std::string text;
  while (read_some(fd, name, text)) {
    if (text.size() > limit_bytes) {
      throw Exception(ErrorCode::kInvalidArgument, in_quotes(name) + ": more than " +
                                                       readable_bytes(static_cast<long long>(limit_bytes)) +
                                                       ": at most that is allowed");
    }
  }
  return text;
}

LineReader::Status LineReader::give(std::string& line, std::size_t length, std::size_t end_length) {
  bytes_read_ += static_cast<std::int64_t>(length + end_length);
  line.assign(buffer_, 0, length);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  buffer_.erase(0, length + end_length);
  searched_ = 0;
  ++lines_read_;
  return Status::kLine;
}

LineReader::Status LineReader::next(std::string& line, bool wait) {
  while (true) {
    const std::size_t end = buffer_.find('\n', searched_);
    if (end != std::string::npos) {
      if (!skipping_) return give(line, end, 1);
      bytes_read_ += static_cast<std::int64_t>(end + 1);
      buffer_.erase(0, end + 1);
      searched_ = 0;
      skipping_ = false;
      continue;
    }
    searched_ = buffer_.size();
    if (skipping_ || buffer_.size() > max_line_bytes_) {
      bytes_read_ += static_cast<std::int64_t>(buffer_.size());
      searched_ = 0;
      if (!skipping_) {
        skipping_ = true;
        ++lines_read_;
        constexpr std::size_t kShownBytes = 80;
        line.assign(buffer_, 0, kShownBytes);
        buffer_.clear();
        return Status::kTooLong;
      }
      buffer_.clear();
    }
    if (at_end_) return buffer_.empty() ? Status::kEnd : give(line, buffer_.size(), 0);
    if (!wait && !has_input(fd_.get(), 0)) return Status::kWouldBlock;
    at_end_ = !read_some(fd_.get(), name_, buffer_);
  }
}

std::int64_t LineReader::size_bytes() const {
  struct stat status {};
  if (fstat(fd_.get(), &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return status.st_size;
}

}  // namespace fllm::cli
