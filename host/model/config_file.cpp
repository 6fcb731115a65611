// SPDX-License-Identifier: Apache-2.0
#include "host/model/config_file.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "fundamentallm/result.h"
#include "host/model/model_config.h"
#include "host/util/bad_file.h"
#include "host/util/read_file.h"

namespace fllm {
namespace {

constexpr std::size_t kMaxYamlBytes = std::size_t{64} << 10;

/// A YAML scalar as the number it spells, else as text.
ConfigField yaml_field(const std::string& key, const std::string& text) {
  const char* end = text.data() + text.size();
  std::int64_t integer = 0;
  if (const auto [stop, error] = std::from_chars(text.data(), end, integer); error == std::errc() && stop == end) {
    return {key, integer};
  }
  double real = 0;
  if (const auto [stop, error] = std::from_chars(text.data(), end, real); error == std::errc() && stop == end) {
    return {key, real};
  }
  return {key, text};
}

ConfigField pickle_field(const std::string& key, const PickleValue& value) {
  if (const auto* integer = value.as<std::int64_t>()) return {key, *integer};
  if (const auto* real = value.as<double>()) return {key, *real};
  if (const auto* text = value.as<std::string_view>()) return {key, std::string(*text)};
  return {key, std::string(kind_name(value))};
}

std::vector<std::filesystem::path> config_files(const std::filesystem::path& checkpoint) {
  std::vector<std::filesystem::path> files;
  for (const char* extension : {".yaml", ".yml"}) {
    files.push_back(std::filesystem::path(checkpoint).replace_extension(extension));
  }
  for (const char* name : {"config.yaml", "model.yaml"}) files.push_back(checkpoint.parent_path() / name);
  return files;
}

}  // namespace

ModelConfig config_from_pickle(const PickleDict& dict, const std::string& source) {
  std::vector<ConfigField> fields;
  for (const auto& [key, value] : dict.items) {
    const auto* name = key->as<std::string_view>();
    if (name == nullptr) {
      bad_file(source, fmt::format("model config: a key is {}", kind_name(*key)));
    }
    fields.push_back(pickle_field(std::string(*name), *value));
  }
  return check_config(fields, source);
}

ModelConfig config_from_yaml(const std::string& text, const std::string& source) {
  std::vector<ConfigField> fields;
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap()) bad_file(source, "must be a YAML map of keys");
    for (const auto& entry : root) {
      const YAML::Node &key = entry.first, &value = entry.second;
      if (!key.IsScalar()) bad_file(source, "a key is no plain text");
      fields.push_back(yaml_field(key.Scalar(), value.IsScalar() ? value.Scalar() : "no plain value"));
    }
  } catch (const YAML::Exception& error) {
    bad_file(source, fmt::format("not valid YAML: {}", error.what()));
  }
  return check_config(fields, source);
}

ModelConfig find_config(const Checkpoint& checkpoint, const std::string& checkpoint_path) {
  if (checkpoint.config() != nullptr) return config_from_pickle(*checkpoint.config(), checkpoint.source());
  std::vector<std::string> searched = {"the checkpoint's keys config and model_config"};
  for (const std::filesystem::path& file : config_files(checkpoint_path)) {
    std::error_code unreachable;
    if (std::filesystem::exists(file, unreachable))
      return config_from_yaml(read_file(file.string(), kMaxYamlBytes), file.string());
    // model.pt finds model.yaml by its own name and by the usual one.
    if (std::find(searched.begin(), searched.end(), file.string()) == searched.end()) searched.push_back(file.string());
  }
  throw Exception(ErrorCode::kNotFound,
                  fmt::format("{}: no model config found; searched: {}", checkpoint_path, fmt::join(searched, ", ")));
}

}  // namespace fllm
