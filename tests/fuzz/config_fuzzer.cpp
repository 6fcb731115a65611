// SPDX-License-Identifier: Apache-2.0
// Any text as a model.yaml and as a config.json.
#include <cstdint>
#include <cstdlib>

#include "host/model/config_file.h"
#include "host/model/huggingface_config.h"
#include "tests/fuzz/expected_errors.h"
#include "tests/fuzz/model_configs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fllm::fuzz::expect_typed_errors([&] {
    const fllm::ModelConfig config =
        fllm::config_from_yaml(std::string(reinterpret_cast<const char*>(data), size), "fuzz.yaml");
    if (config.vocab_size < 1 || config.head_dim * config.num_heads != config.d_model) std::abort();
  });
  fllm::fuzz::expect_typed_errors([&] {
    fllm::fuzz::check_heads(
        fllm::config_from_huggingface(std::string(reinterpret_cast<const char*>(data), size), "config.json"));
  });
  return 0;
}
