// SPDX-License-Identifier: Apache-2.0
#include "host/model/json_events.h"

#include <fmt/core.h>

#include "host/util/bad_file.h"

namespace fllm {

void JsonEvents::parse(std::string_view text) { nlohmann::json::sax_parse(text.begin(), text.end(), this); }

void JsonEvents::refuse(std::string_view what) const { bad_file(source_, fmt::format("{}: {}", where(), what)); }

void JsonEvents::other(std::string_view kind) { refuse(fmt::format("{} is not allowed here", kind)); }

bool JsonEvents::parse_error(std::size_t /*position*/, const std::string& /*token*/,
                             const nlohmann::json::exception& error) {
  const std::string_view text = error.what();  // "[json.exception.parse_error.101] parse error at line 2, …"
  bad_file(source_, fmt::format("not valid JSON: {}", text.substr(text.find(' ') + 1, 400)));
}

}  // namespace fllm
