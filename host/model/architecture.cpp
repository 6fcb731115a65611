// SPDX-License-Identifier: Apache-2.0
#include "host/model/architecture.h"

namespace fllm {

const char* architecture_name(Architecture architecture) {
  switch (architecture) {
    case Architecture::kFundamentallm:
      return "fundamentallm";
    case Architecture::kLlama:
      return "llama";
    case Architecture::kQwen2:
      return "qwen2";
    case Architecture::kGpt2:
      return "gpt2";
  }
  return "";
}

const char* position_encoding_name(PositionEncoding encoding) {
  switch (encoding) {
    case PositionEncoding::kLearned:
      return "learned";
    case PositionEncoding::kSinusoidal:
      return "sinusoidal";
    case PositionEncoding::kRotary:
      return "rotary";
  }
  return "";
}

}  // namespace fllm
