// SPDX-License-Identifier: Apache-2.0
#include "host/tokenizer/json_file.h"

#include <fmt/core.h>

#include <unordered_set>
#include <vector>

#include "host/util/bad_file.h"

namespace fllm {

std::string shown(const Json& value, std::size_t limit) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > limit) text = text.substr(0, limit - 3) + "...";
  return text;
}

Json parse_json(std::string_view text, const std::string& source, int max_depth) {
  std::vector<std::unordered_set<std::string>> keys;
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > max_depth) bad_file(source, fmt::format("nested deeper than {} levels", max_depth));
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      bad_file(source, fmt::format("the key {} is there twice", shown(value)));
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), check);
  } catch (const Json::exception& error) {
    const std::string_view text = error.what();  // "[json.exception.parse_error.101] parse error at line 2, …"
    bad_file(source, fmt::format("not valid JSON: {}", text.substr(text.find(' ') + 1)));
  }
}

}  // namespace fllm
