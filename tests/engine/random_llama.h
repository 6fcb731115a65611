// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "host/model/open_model.h"
#include "host/model/weight_names.h"
#include "host/tokenizer/load_tokenizer.h"
#include "tests/engine/bundled_model.h"
#include "tests/support/plain_model.h"

namespace fllm::test {

/// A model of two layers with random weights and the bundled tokenizer: as much as devices that are simulated get through.
inline OpenedModel open_random_llama(Backend& backend, std::int32_t context = 64) {
  auto tokenizer = load_tokenizer(std::string(kBundledModel) + "/tokenizer.json");
  ModelConfig config = small_llama();
  config.vocab_size = tokenizer->vocab_size();
  config.sequence_length = context;
  const MemorySource source = as_gguf(random_model(config));
  config.rotary.pairing = RopePairing::kInterleaved;
  Model model = load_model(source, config, weight_names(WeightFormat::kGguf, config.architecture), backend);
  return {std::move(model), "", std::move(tokenizer), ""};
}

}  // namespace fllm::test
