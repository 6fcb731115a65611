// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "host/model/model.h"
#include "host/tokenizer/chat_template.h"
#include "host/tokenizer/tokenizer.h"

namespace fllm {

/// A model with all else that its files say.
struct OpenedModel {
  Model model;
  std::string format;  // "GGUF"
  std::unique_ptr<Tokenizer> tokenizer;
  std::string chat_template;  // Jinja; empty: none
};

/// The model's file: path itself, or what a folder holds (see open_model). Exception(kNotFound) says what was searched.
[[nodiscard]] std::string model_file(const std::string& path);

/// Opens a model by what a file begins with, or by what a folder holds:
/// - a GGUF, which has everything in it;
/// - safetensors (model.safetensors, or model.safetensors.index.json and the files it names) with config.json and
///   tokenizer.json, or vocab.json and merges.txt, beside them;
/// - a model of llama2.c, with tokenizer.bin or tok<vocabulary>.bin beside it;
/// - a FundamentaLLM checkpoint (.pt, .pth), with tokenizer.json beside it.
/// A folder may hold a checkpoint (model.pt, final_model.pt, best.pt), safetensors, or one .gguf.
/// Errors: Exception naming file, entry, value and what is allowed.
[[nodiscard]] OpenedModel open_model(const std::string& path, Backend& backend, Dtype dtype = Dtype::kAuto);

}  // namespace fllm
