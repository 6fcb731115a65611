// SPDX-License-Identifier: Apache-2.0
#include "host/model/mapped_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "fundamentallm/result.h"

namespace fllm {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  [[nodiscard]] int value() const { return value_; }

 private:
  int value_;
};

[[noreturn]] void fail(const std::string& path, int error) {
  if (error == ENOENT) throw Exception(ErrorCode::kNotFound, fmt::format("{}: there is no such file", path));
  throw Exception(ErrorCode::kIo, fmt::format("{}: {}", path, std::strerror(error)));
}

}  // namespace

void MappedFile::Unmap::operator()(void* address) const { munmap(address, size); }

MappedFile MappedFile::open(const std::string& path) {
  // Without O_NONBLOCK opening a pipe would wait for a writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status = {};
  if (file.value() < 0 || fstat(file.value(), &status) != 0) fail(path, errno);
  if (!S_ISREG(status.st_mode)) throw Exception(ErrorCode::kIo, fmt::format("{}: not a regular file", path));
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return {path, {}};  // nothing that could be mapped
  void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value(), 0);
  if (address == MAP_FAILED) fail(path, errno);
  MappedFile mapped(path, {static_cast<const std::byte*>(address), size});
  mapped.mapping_ = std::unique_ptr<void, Unmap>(address, Unmap{size});
  return mapped;
}

MappedFile MappedFile::over(std::span<const std::byte> bytes, const std::string& name) { return {name, bytes}; }

}  // namespace fllm
