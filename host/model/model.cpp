// SPDX-License-Identifier: Apache-2.0
#include "host/model/model.h"

#include <fmt/core.h>

#include <filesystem>

#include "fundamentallm/result.h"
#include "host/model/checkpoint.h"
#include "host/model/checkpoint_source.h"
#include "host/model/config_file.h"
#include "host/model/weight_names.h"

namespace fllm {
namespace {

std::string checkpoint_file(const std::string& path) {
  std::error_code unreachable;
  if (!std::filesystem::is_directory(path, unreachable)) return path;
  for (const char* name : {"model.pt", "final_model.pt", "best.pt"}) {
    const std::filesystem::path file = std::filesystem::path(path) / name;
    if (std::filesystem::exists(file, unreachable)) return file.string();
  }
  throw Exception(ErrorCode::kNotFound,
                  fmt::format("{}: no checkpoint in this folder; searched: model.pt, final_model.pt, best.pt", path));
}

}  // namespace

Model load_model(const std::string& path, Backend& backend) {
  const std::string file = checkpoint_file(path);
  Checkpoint checkpoint = Checkpoint::open(file);
  const ModelConfig config = find_config(checkpoint, file);
  const WeightNames& names = weight_names(WeightFormat::kFundamentallm, config.architecture);
  return load_model(CheckpointSource(checkpoint), config, names, backend);
}

std::string tokenizer_path(const std::string& checkpoint_path) {
  const std::filesystem::path path(checkpoint_path);
  std::error_code unreachable;
  const bool folder = std::filesystem::is_directory(path, unreachable);
  return ((folder ? path : path.parent_path()) / "tokenizer.json").string();
}

}  // namespace fllm
