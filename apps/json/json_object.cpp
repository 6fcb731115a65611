// SPDX-License-Identifier: Apache-2.0
#include "apps/json/json_object.h"

#include <set>
#include <vector>

namespace fllm::apps {

namespace {

using Json = nlohmann::json;

/// Sees a text before anything of it is built, and throws at what is refused. As a callback of the parser it would be asked of each
/// value that ends, which then looks through all those beside it.
class TextWatch final : public Json::json_sax_t {
 public:
  explicit TextWatch(const JsonText& text) : name_(text.name), canonical_(text.canonical) {}

  bool null() override { return count(); }
  bool boolean(bool /*value*/) override { return count(); }
  bool number_integer(Json::number_integer_t /*value*/) override { return count(); }
  bool number_unsigned(Json::number_unsigned_t /*value*/) override { return count(); }
  bool number_float(Json::number_float_t /*value*/, const std::string& /*text*/) override { return count(); }
  bool string(std::string& /*value*/) override { return count(); }
  bool binary(Json::binary_t& /*value*/) override { return count(); }
  bool start_object(std::size_t /*count*/) override { return open(); }
  bool start_array(std::size_t /*count*/) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    const bool is_renamed = keys_.size() == 1 && canonical_ != nullptr;
    if (!keys_.back().insert(is_renamed ? canonical_(name) : name).second) {
      throw JsonRefusal("this key stands twice", name);
    }
    return count();
  }
  /// Ends it: the parser says what is wrong.
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/, const Json::exception& /*error*/) override {
    return false;
  }

 private:
  bool count() {
    if (++seen_ > kMaxJsonValues) {
      throw JsonRefusal(name_ + " has more than " + std::to_string(kMaxJsonValues) + " values, the limit");
    }
    return true;
  }
  bool open() {
    if (keys_.size() == kMaxJsonDepth) {
      throw JsonRefusal(name_ + " is nested deeper than " + std::to_string(kMaxJsonDepth) + " levels, the limit");
    }
    keys_.emplace_back();
    return count();
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  std::string name_;
  std::string (*canonical_)(std::string);
  std::size_t seen_ = 0;                     // keys and values
  std::vector<std::set<std::string>> keys_;  // of what is open
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
  if (const std::size_t nul = text.text.find('\0'); nul != std::string_view::npos) {  // the parser takes it for the end
    throw JsonRefusal(name + " is not valid JSON at byte " + std::to_string(nul + 1) + ": a NUL");
  }
  TextWatch watch(text);
  Json::sax_parse(text.text, &watch);
  Json object;
  try {
    object = Json::parse(text.text);
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
