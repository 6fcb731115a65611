// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/output_sink.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "apps/cli/errors.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} << 10;

/// The file a chain of symbolic links ends at, so that a rename does not replace a link.
std::string resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : path;
}

}  // namespace

OutputSink::OutputSink(const std::string& path, CutOff cut_off) : target_(path), fd_(STDOUT_FILENO, false) {
  if (!target_.empty()) open_file(path, cut_off);
}

OutputSink::~OutputSink() {
  struct stat status {};
  const bool has_records = left_ && fstat(fd_.get(), &status) == 0 && status.st_size > 0;
  if (!temporary_.empty() && !has_records) unlink(temporary_.c_str());
}

void OutputSink::open_file(const std::string& path, CutOff cut_off) {
  struct stat status {};
  const bool exists = stat(path.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    fd_ = FileDescriptor(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd_.get() < 0) fail("cannot open for writing");
    return;
  }
  if (exists && access(path.c_str(), W_OK) != 0) fail("cannot open for writing");
  target_ = resolved(path);
  if (cut_off == CutOff::kLeft) {
    open_partial();
    if (left_behind_.empty() && exists) left_behind_ = target_;
  } else {
    temporary_ = target_ + ".XXXXXX";
    fd_ = FileDescriptor(mkostemp(temporary_.data(), O_CLOEXEC));
    if (fd_.get() < 0) {
      temporary_.clear();
      fail("cannot open for writing");
    }
  }
  mode_t mode = status.st_mode & 07777;
  if (!exists) {
    const mode_t mask = umask(0);
    umask(mask);
    mode = 0666 & ~mask;
  }
  if (fchmod(fd_.get(), mode) != 0) fail("cannot set its mode");
}

void OutputSink::open_partial() {
  const std::string path = target_ + ".partial";
  struct stat status {};
  const bool existed = lstat(path.c_str(), &status) == 0;
  if (existed && !S_ISREG(status.st_mode)) {
    throw Exception(ErrorCode::kIo, in_quotes(path) + ": is no regular file: it must be one, or not be there");
  }
  fd_ = FileDescriptor(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd_.get() < 0) fail("cannot open for writing");
  if (flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw Exception(ErrorCode::kIo, in_quotes(path) + ": another run is writing it: it must end first");
  }
  temporary_ = path;
  left_ = true;
  if (existed) left_behind_ = path;
}

void OutputSink::keep(std::int64_t bytes) {
  if (ftruncate(fd_.get(), bytes) != 0 || lseek(fd_.get(), bytes, SEEK_SET) < 0) fail("cannot cut it");
}

void OutputSink::fail(const char* what) const {
  const int error = errno;
  if (error == EPIPE) throw BrokenPipe();
  const std::string name = target_.empty() ? "stdout" : in_quotes(target_);
  throw Exception(ErrorCode::kIo, name + ": " + what + ": " + std::strerror(error));
}

void OutputSink::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void OutputSink::flush() {
  std::size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t count = ::write(fd_.get(), buffer_.data() + done, buffer_.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      buffer_.clear();  // not tried again
      fail("cannot write");
    }
    done += static_cast<std::size_t>(count);
  }
  buffer_.clear();
}

void OutputSink::commit() {
  flush();
  if (temporary_.empty()) return;
  if (rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot rename onto it");
  temporary_.clear();
}

bool OutputSink::is_terminal() const { return isatty(fd_.get()) == 1; }

}  // namespace fllm::cli
