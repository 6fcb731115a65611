// SPDX-License-Identifier: Apache-2.0
#include "apps/server/json_body.h"

#include <set>
#include <string>
#include <vector>

#include "apps/server/api_error.h"

namespace fllm::server {

namespace {

using Json = nlohmann::json;

/// Follows the parser, and stops it where an object has a key twice, or the document is deeper or larger than any request.
class ParseWatch {
 public:
  void see(int depth, Json::parse_event_t event, const Json& value) {
    if (depth > kMaxJsonDepth) {
      throw ApiError(400, "the body is nested deeper than " + std::to_string(kMaxJsonDepth) + " levels, the limit");
    }
    if (++seen_ > kMaxJsonValues) {
      throw ApiError(400, "the body has more than " + std::to_string(kMaxJsonValues) + " values, the limit");
    }
    if (event == Json::parse_event_t::object_start) {
      keys_.resize(static_cast<std::size_t>(depth) + 1);
      keys_.back().clear();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (!keys_.at(static_cast<std::size_t>(depth) - 1).insert(key).second) {
        throw ApiError(400, key + ": this field stands twice", key);
      }
    }
  }

 private:
  std::size_t seen_ = 0;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
};

/// What the parser said, without its own name, the place and what it read last: that may be anything.
std::string parse_reason(const Json::parse_error& error) {
  std::string text = error.what();
  const std::size_t dash = text.find(" - ");
  if (dash == std::string::npos) return {};
  text.erase(0, dash + 3);
  return ": " + text.substr(0, text.find("; last read"));
}

}  // namespace

nlohmann::json parse_body(std::string_view text) {
  ParseWatch watch;
  Json body;
  try {
    body = Json::parse(
        text, [&](int depth, Json::parse_event_t event, Json& value) { return watch.see(depth, event, value), true; });
  } catch (const Json::parse_error& error) {
    throw ApiError(400, "the body is not valid JSON at byte " + std::to_string(error.byte) + parse_reason(error));
  } catch (const Json::out_of_range&) {
    throw ApiError(400, "a number of the body is too large");
  }
  if (!body.is_object())
    throw ApiError(400, std::string("the body is JSON ") + body.type_name() + ": an object is allowed");
  return body;
}

}  // namespace fllm::server
