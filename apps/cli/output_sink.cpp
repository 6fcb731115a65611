// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/output_sink.h"

#include <fcntl.h>
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

OutputSink::OutputSink(const std::string& path) : target_(path), fd_(STDOUT_FILENO, false) {
  if (!target_.empty()) open_file(path);
}

OutputSink::~OutputSink() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputSink::open_file(const std::string& path) {
  struct stat status {};
  const bool exists = stat(path.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    fd_ = FileDescriptor(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd_.get() < 0) fail("cannot open for writing");
    return;
  }
  if (exists && access(path.c_str(), W_OK) != 0) fail("cannot open for writing");
  target_ = resolved(path);
  temporary_ = target_ + ".XXXXXX";
  fd_ = FileDescriptor(mkostemp(temporary_.data(), O_CLOEXEC));
  if (fd_.get() < 0) {
    temporary_.clear();
    fail("cannot open for writing");
  }
  mode_t mode = status.st_mode & 07777;
  if (!exists) {
    const mode_t mask = umask(0);
    umask(mask);
    mode = 0666 & ~mask;
  }
  if (fchmod(fd_.get(), mode) != 0) fail("cannot set its mode");
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
