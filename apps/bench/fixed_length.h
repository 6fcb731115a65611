// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "fundamentallm/generator.h"

// Generation as its peers do it: on the CPU, and as long whatever is drawn.
namespace fllm::bench {

inline EngineOptions cpu_options(std::int32_t threads) {
  EngineOptions engine;
  engine.device = "cpu";
  engine.threads = threads;
  return engine;
}

inline Generator open_on_cpu(const std::string& model, std::int32_t threads) {
  return Generator::open(model, cpu_options(threads)).value();
}

/// One thread, one row at a time. draft: a model that guesses ahead; empty: none.
inline Generator open_for_one_row(const std::string& model, const std::string& draft) {
  EngineOptions engine = cpu_options(1);
  engine.max_rows = 1;
  engine.draft_model = draft;
  return Generator::open(model, engine).value();
}

inline Request fixed_length_request(std::int32_t tokens) {
  Request request;
  request.prompt = std::string("ROMEO:");
  request.length.max_tokens = tokens;
  request.length.min_tokens = tokens;  // nothing ends before
  return request;
}

}  // namespace fllm::bench
