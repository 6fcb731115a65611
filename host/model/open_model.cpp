// SPDX-License-Identifier: Apache-2.0
#include "host/model/open_model.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#include "fundamentallm/result.h"
#include "host/model/gguf_config.h"
#include "host/model/gguf_file.h"
#include "host/model/gguf_metadata_view.h"
#include "host/model/huggingface_config.h"
#include "host/model/llama2c_config.h"
#include "host/model/safetensors_file.h"
#include "host/model/weight_names.h"
#include "host/tokenizer/gguf_vocabulary.h"
#include "host/tokenizer/llama2c_vocabulary.h"
#include "host/tokenizer/load_tokenizer.h"
#include "host/util/read_file.h"

namespace fllm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxConfigBytes = std::size_t{64} << 20;

bool is_there(const fs::path& path) {
  std::error_code unreachable;
  return fs::exists(path, unreachable);
}

/// The model's file in a folder.
std::string file_in(const std::string& folder) {
  constexpr const char* kNames[] = {"model.pt", "final_model.pt", "best.pt", "model.safetensors",
                                    "model.safetensors.index.json"};
  for (const char* name : kNames) {
    const fs::path file = fs::path(folder) / name;
    if (is_there(file)) return file.string();
  }
  std::vector<std::string> ggufs;
  std::error_code unreadable;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, unreadable)) {
    if (entry.path().extension() == ".gguf") ggufs.push_back(entry.path().string());
  }
  if (ggufs.size() == 1) return ggufs[0];
  std::sort(ggufs.begin(), ggufs.end());
  throw Exception(
      ErrorCode::kNotFound,
      ggufs.empty() ? fmt::format("{}: no model in this folder; searched: {}, *.gguf", folder, fmt::join(kNames, ", "))
                    : fmt::format("{}: {} GGUF files in this folder: name one of them: {}", folder, ggufs.size(),
                                  fmt::join(ggufs, ", ")));
}

enum class FileKind { kCheckpoint, kGguf, kSafetensors, kLlama2c };

FileKind kind_of(const std::string& path) {
  std::array<char, 4> begin{};
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), begin.size());
  const std::string_view magic(begin.data(), begin.size());
  if (magic == "GGUF" || magic == "FUGG") return FileKind::kGguf;
  const std::string extension = fs::path(path).extension().string();
  if (extension == ".safetensors" || extension == ".json") return FileKind::kSafetensors;
  // A ZIP, or what should be one: its reader says what is wrong.
  return extension == ".bin" && magic.substr(0, 2) != "PK" ? FileKind::kLlama2c : FileKind::kCheckpoint;
}

OpenedModel open_gguf(const std::string& path, Backend& backend, Dtype dtype) {
  const GgufFile file = GgufFile::open(path);
  const ModelConfig config = config_from_gguf(GgufMetadataView(file.metadata()));
  OpenedModel opened;
  opened.format = "GGUF";
  opened.tokenizer = make_tokenizer(vocabulary_of(file.metadata()), path);
  opened.chat_template = file.metadata().find_text("tokenizer.chat_template").value_or("");
  opened.model = load_model(file, config, weight_names(WeightFormat::kGguf, config.architecture), backend, dtype);
  return opened;
}

OpenedModel open_safetensors(const std::string& path, Backend& backend, Dtype dtype) {
  const auto needed = [&](const char* what, std::initializer_list<std::string> names) {
    std::optional<std::string> found = find_beside(path, names);
    if (found) return *std::move(found);
    throw Exception(ErrorCode::kNotFound, fmt::format("{}: no {} beside it; searched: {}", path, what,
                                                      fmt::join(std::vector<std::string>(names), ", ")));
  };
  const std::string config_path = needed("config", {"config.json"});
  const ModelConfig config = config_from_huggingface(read_file(config_path, kMaxConfigBytes), config_path);
  OpenedModel opened;
  opened.format = "safetensors";
  LoadedTokenizer loaded = load_tokenizer_files(needed("tokenizer", {"tokenizer.json", "vocab.json"}));
  opened.tokenizer = std::move(loaded.tokenizer);
  const auto jinja = find_beside(path, {"chat_template.jinja"});
  opened.chat_template = jinja ? read_file(*jinja, kMaxConfigBytes) : std::move(loaded.chat_template);
  const WeightNames& names = weight_names(WeightFormat::kHuggingFace, config.architecture);
  opened.model = load_model(SafetensorsFile::open(path), config, names, backend, dtype);
  return opened;
}

OpenedModel open_llama2c(const std::string& path, Backend& backend, Dtype dtype) {
  const Llama2cFile file = Llama2cFile::open(path);
  const ModelConfig config = config_from_llama2c(file.header());
  const std::string own = fmt::format("tok{}.bin", config.vocab_size);
  const auto tokens = find_beside(path, {"tokenizer.bin", own});
  if (!tokens) {
    throw Exception(ErrorCode::kNotFound,
                    fmt::format("{}: no tokenizer beside it; searched: tokenizer.bin, {}", path, own));
  }
  OpenedModel opened;
  opened.format = "llama2.c";
  opened.tokenizer = make_tokenizer(read_llama2c_vocabulary(*tokens), *tokens);
  opened.model = load_model(file, config, weight_names(WeightFormat::kLlama2c, config.architecture), backend, dtype);
  return opened;
}

OpenedModel open_checkpoint(const std::string& path, Backend& backend, Dtype dtype) {
  OpenedModel opened;
  opened.format = "PyTorch checkpoint";
  opened.model = load_model(path, backend, dtype);
  opened.tokenizer = load_tokenizer((fs::path(path).parent_path() / "tokenizer.json").string());
  return opened;
}

}  // namespace

std::string model_file(const std::string& path) {
  std::error_code unreachable;
  return fs::is_directory(path, unreachable) ? file_in(path) : path;
}

OpenedModel open_model(const std::string& path, Backend& backend, Dtype dtype) {
  const std::string file = model_file(path);
  switch (kind_of(file)) {
    case FileKind::kGguf:
      return open_gguf(file, backend, dtype);
    case FileKind::kSafetensors:
      return open_safetensors(file, backend, dtype);
    case FileKind::kLlama2c:
      return open_llama2c(file, backend, dtype);
    case FileKind::kCheckpoint:
      break;
  }
  return open_checkpoint(file, backend, dtype);
}

}  // namespace fllm
