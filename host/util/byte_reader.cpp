// SPDX-License-Identifier: Apache-2.0
#include "host/util/byte_reader.h"

#include <fmt/core.h>

#include "host/util/bad_file.h"
#include "host/util/quoted_text.h"

namespace fllm {

void ByteReader::fail(std::string_view what) const {
  const std::string source(source_);
  if (item_kind_.empty()) bad_file(source, std::string(what));
  bad_file(source, fmt::format("{} {}: {}", item_kind_, quoted_text(item_name_), what));
}

void ByteReader::fail_short(std::uint64_t count, std::string_view what) const {
  fail(fmt::format("{}: {} bytes at byte {}, where the file has {} left", what, count, position_, left()));
}

}  // namespace fllm
