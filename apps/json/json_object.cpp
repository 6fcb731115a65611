// SPDX-License-Identifier: Apache-2.0
#include "apps/json/json_object.h"

#include <set>
#include <vector>

namespace fllm::apps {

namespace {

using Json = nlohmann::json;

/// Follows the parser, and stops it at what is refused: nothing of it is built.
class ParseWatch {
 public:
  explicit ParseWatch(const JsonText& text) : name_(text.name), canonical_(text.canonical) {}

  void see(int depth, Json::parse_event_t event, const Json& value) {
    if (depth > kMaxJsonDepth) {
      throw JsonRefusal(name_ + " is nested deeper than " + std::to_string(kMaxJsonDepth) + " levels, the limit");
    }
    if (++seen_ > kMaxJsonValues) {
      throw JsonRefusal(name_ + " has more than " + std::to_string(kMaxJsonValues) + " values, the limit");
    }
    const auto level = static_cast<std::size_t>(depth);
    if (event == Json::parse_event_t::object_start) {
      keys_.resize(level + 1);
      keys_.back().clear();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = value.get_ref<const std::string&>();
      const bool is_renamed = level == 1 && canonical_ != nullptr;
      if (!keys_.at(level - 1).insert(is_renamed ? canonical_(key) : key).second) {
        throw JsonRefusal("this key stands twice", key);
      }
    }
  }

 private:
  std::string name_;
  std::string (*canonical_)(std::string);
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

Json parse_object(const JsonText& text) {
  const std::string name(text.name);
  ParseWatch watch(text);
  Json object;
  try {
    object = Json::parse(text.text, [&](int depth, Json::parse_event_t event, Json& value) {
      return watch.see(depth, event, value), true;
    });
  } catch (const Json::parse_error& error) {
    throw JsonRefusal(name + " is not valid JSON at byte " + std::to_string(error.byte) + parse_reason(error));
  } catch (const Json::out_of_range&) {
    throw JsonRefusal("a number of " + name + " is too large");
  }
  if (!object.is_object()) {
    throw JsonRefusal(name + " is JSON " + object.type_name() + ": " + std::string(text.allowed) + " is allowed");
  }
  return object;
}

}  // namespace fllm::apps
