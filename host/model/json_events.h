// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace fllm {

/// Takes a JSON text from nlohmann's parser value by value, so that no tree of a hostile file is built. Whatever a
/// derived class does not expect is refused (kBadFormat).
class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit JsonEvents(std::string source) : source_(std::move(source)) {}

  /// Parses the whole text.
  void parse(std::string_view text);

 protected:
  [[noreturn]] void refuse(std::string_view what) const;
  [[nodiscard]] const std::string& source() const { return source_; }
  [[nodiscard]] virtual std::string where() const = 0;  // the value at hand, for messages

  /// A value of a kind that has no override below.
  virtual void other(std::string_view kind);

 public:
  bool null() override { return other("null"), true; }
  bool boolean(bool /*value*/) override { return other("a boolean"), true; }
  bool number_integer(std::int64_t /*value*/) override { return other("a negative number"), true; }
  bool number_unsigned(std::uint64_t /*value*/) override { return other("a number"), true; }
  bool number_float(double /*value*/, const std::string& /*text*/) override { return other("a fraction"), true; }
  bool string(std::string& /*value*/) override { return other("a string"), true; }
  bool binary(nlohmann::json::binary_t& /*value*/) override { return other("binary data"), true; }
  bool start_array(std::size_t /*size*/) override { return other("an array"), true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::json::exception& error) override;

 private:
  std::string source_;
};

}  // namespace fllm
