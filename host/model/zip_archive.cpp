// SPDX-License-Identifier: Apache-2.0
#include "host/model/zip_archive.h"

#include <fmt/core.h>
#include <zip.h>

#include <filesystem>

#include "fundamentallm/result.h"
#include "host/util/bad_file.h"

namespace fllm {
namespace {

// A model of 48 layers has about 800 tensors, with optimizer state about 2,400.
constexpr zip_int64_t kMaxEntries = 1 << 18;

struct CloseFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

std::string text_of(int zip_error) {
  zip_error_t error;
  zip_error_init_with_code(&error, zip_error);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

[[noreturn]] void fail_to_open(const std::string& source, int zip_error) {
  if (zip_error == ZIP_ER_OPEN) throw Exception(ErrorCode::kIo, fmt::format("{}: {}", source, text_of(zip_error)));
  if (zip_error == ZIP_ER_EXISTS) bad_file(source, "two entries of the ZIP file have the same name");
  bad_file(source, fmt::format("not a complete ZIP file as torch.save writes it: {}", text_of(zip_error)));
}

}  // namespace

void ZipArchive::Discard::operator()(zip* archive) const { zip_discard(archive); }

ZipArchive ZipArchive::open(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw Exception(ErrorCode::kNotFound, fmt::format("{}: there is no such file", path));
  }
  const std::uintmax_t bytes = std::filesystem::is_regular_file(status) ? std::filesystem::file_size(path, error) : 0;
  if (error) throw Exception(ErrorCode::kIo, fmt::format("{}: {}", path, error.message()));
  if (!std::filesystem::is_regular_file(status)) {
    throw Exception(ErrorCode::kIo, fmt::format("{}: not a regular file", path));
  }
  int zip_error = 0;
  std::unique_ptr<zip, Discard> archive(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &zip_error));
  if (archive == nullptr) fail_to_open(path, zip_error);
  return {std::move(archive), path, bytes};
}

ZipArchive ZipArchive::from_memory(std::span<const std::byte> bytes, const std::string& source) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* buffer = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (buffer == nullptr) fail_to_open(source, zip_error_code_zip(&error));
  std::unique_ptr<zip, Discard> archive(zip_open_from_source(buffer, ZIP_RDONLY | ZIP_CHECKCONS, &error));
  if (archive == nullptr) {
    zip_source_free(buffer);
    fail_to_open(source, zip_error_code_zip(&error));
  }
  return {std::move(archive), source, bytes.size()};
}

ZipArchive::ZipArchive(std::unique_ptr<zip, Discard> archive, std::string source, std::uint64_t file_bytes)
    : archive_(std::move(archive)), source_(std::move(source)) {
  if (file_bytes == 0) bad_file(source_, "is empty");  // libzip takes that for an archive without entries
  const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
  if (count < 0 || count > kMaxEntries) {
    bad_file(source_, fmt::format("{} entries, at most {} are allowed", count, kMaxEntries));
  }
  entries_.reserve(static_cast<std::size_t>(count));
  for (zip_uint64_t index = 0; index < static_cast<zip_uint64_t>(count); ++index) {
    zip_stat_t stat;
    if (zip_stat_index(archive_.get(), index, ZIP_FL_ENC_RAW, &stat) != 0 || (stat.valid & ZIP_STAT_NAME) == 0 ||
        (stat.valid & ZIP_STAT_SIZE) == 0) {
      bad_file(source_, fmt::format("entry {}: its directory record cannot be read", index));
    }
    if (stat.size > file_bytes) {
      bad_file(source_,
               fmt::format("entry {}: {} bytes, more than the file's {}; entries must be stored, not compressed",
                           stat.name, stat.size, file_bytes));
    }
    entries_.push_back({stat.name, index, stat.size});
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) by_name_.emplace(entries_[i].name, i);
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries_[found->second];
}

void ZipArchive::read(const ZipEntry& entry, std::span<std::byte> destination) const {
  zip_stat_t stat;
  const bool known = zip_stat_index(archive_.get(), entry.index, 0, &stat) == 0;
  if (!known || stat.encryption_method != ZIP_EM_NONE)
    bad_file(source_, fmt::format("entry {}: is encrypted", entry.name));
  if (stat.comp_method != ZIP_CM_STORE) {
    bad_file(source_, fmt::format("entry {}: compressed with method {}; entries must be stored (method 0)", entry.name,
                                  stat.comp_method));
  }
  const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen_index(archive_.get(), entry.index, 0));
  if (file == nullptr) bad_file(source_, fmt::format("entry {}: {}", entry.name, zip_strerror(archive_.get())));

  const auto read_some = [&](std::byte* bytes, std::size_t count) {
    const zip_int64_t got = zip_fread(file.get(), bytes, count);
    if (got < 0) bad_file(source_, fmt::format("entry {}: {}", entry.name, zip_file_strerror(file.get())));
    return static_cast<std::size_t>(got);
  };
  for (std::size_t done = 0; done < destination.size();) {
    const std::size_t got = read_some(destination.data() + done, destination.size() - done);
    if (got == 0) {
      bad_file(source_, fmt::format("entry {}: ends after {} of {} bytes", entry.name, done, destination.size()));
    }
    done += got;
  }
  // libzip compares the CRC when it meets the end, which it does one read later.
  std::byte end;
  if (destination.size() == entry.bytes && read_some(&end, 1) != 0) {
    bad_file(source_, fmt::format("entry {}: longer than its {} bytes", entry.name, entry.bytes));
  }
}

std::string ZipArchive::read_text(const ZipEntry& entry, std::uint64_t limit_bytes) const {
  if (entry.bytes > limit_bytes) {
    bad_file(source_, fmt::format("entry {}: {} bytes, at most {} are allowed", entry.name, entry.bytes, limit_bytes));
  }
  std::string text(static_cast<std::size_t>(entry.bytes), '\0');
  read(entry, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace fllm
