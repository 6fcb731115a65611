// SPDX-License-Identifier: Apache-2.0
#include "host/model/safetensors_index.h"

#include <fmt/core.h>

#include "host/model/json_events.h"
#include "host/util/bad_file.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

constexpr int kMaxDepth = 8;  // the format needs 2

/// {"metadata": {…}, "weight_map": {"tensor": "model-00001-of-00002.safetensors", …}}
class IndexEvents final : public JsonEvents {
 public:
  using JsonEvents::JsonEvents;

  std::map<std::string, std::string> files;
  bool seen_map = false;

  bool start_object(std::size_t /*size*/) override { return open("an object"); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*size*/) override {
    if (depth_ == 0) other("an array");
    return open("an array");
  }
  bool end_array() override { return close(); }
  bool key(std::string& key) override {
    if (depth_ == 1) {
      top_ = std::move(key);
      if (top_ == "weight_map" && seen_map) refuse("is there twice");
      seen_map = seen_map || top_ == "weight_map";
    } else if (in_map()) {
      tensor_ = std::move(key);
    }
    return true;
  }
  bool string(std::string& file) override {
    if (!in_map()) return other("a string"), true;
    // A plain name, wherever the file system puts its separators.
    if (file.empty() || file.front() == '.' || file.find_first_of(std::string_view("/\\:\0", 4)) != std::string::npos) {
      refuse(fmt::format("{}: must be the name of a file beside the index", quoted_text(file)));
    }
    if (!files.emplace(tensor_, file).second) refuse("is there twice");
    return true;
  }

 private:
  [[nodiscard]] bool in_map() const { return depth_ == 2 && top_ == "weight_map"; }
  [[nodiscard]] std::string where() const override {
    if (depth_ == 0) return "index";
    return in_map() ? fmt::format("weight_map: tensor {}", quoted_text(tensor_))
                    : fmt::format("key {}", quoted_text(top_));
  }
  void other(std::string_view kind) override {
    if (depth_ == 0 || top_ == "weight_map") JsonEvents::other(kind);
  }
  bool open(std::string_view kind) {
    if (top_ == "weight_map" && depth_ > 1) JsonEvents::other(kind);
    if (top_ == "weight_map" && kind != "an object") JsonEvents::other(kind);
    if (++depth_ > kMaxDepth) refuse(fmt::format("nested deeper than {} levels", kMaxDepth));
    return true;
  }
  bool close() {
    --depth_;
    return true;
  }

  int depth_ = 0;
  std::string top_;     // the key of the outermost object at hand
  std::string tensor_;  // the key of weight_map at hand
};

}  // namespace

std::map<std::string, std::string> parse_safetensors_index(std::string_view text, const std::string& source) {
  IndexEvents events(source);
  events.parse(text);
  if (!events.seen_map) bad_file(source, "the key \"weight_map\" is missing");
  return std::move(events.files);
}

}  // namespace fllm
