// SPDX-License-Identifier: Apache-2.0
// Any text as a model.yaml and as a config.json, any bytes as the header of a llama2.c file.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "host/model/config_file.h"
#include "host/model/huggingface_config.h"
#include "host/model/llama2c_config.h"
#include "tests/fuzz/expected_errors.h"

namespace {

void check_heads(const fllm::ModelConfig& config) {
  const std::int64_t width = std::int64_t{config.num_heads} * config.head_dim;
  if (config.vocab_size < 1 || width < 1 || width > 65536 || config.num_heads % config.num_kv_heads != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fllm::fuzz::expect_typed_errors([&] {
    const fllm::ModelConfig config =
        fllm::config_from_yaml(std::string(reinterpret_cast<const char*>(data), size), "fuzz.yaml");
    if (config.vocab_size < 1 || config.head_dim * config.num_heads != config.d_model) std::abort();
  });
  fllm::fuzz::expect_typed_errors([&] {
    check_heads(fllm::config_from_huggingface(std::string(reinterpret_cast<const char*>(data), size), "config.json"));
  });
  fllm::fuzz::expect_typed_errors([&] {
    fllm::Llama2cHeader header;
    if (size < sizeof header) return;
    std::memcpy(&header, data, sizeof header);
    check_heads(fllm::config_from_llama2c(header, "fuzz.bin"));
  });
  return 0;
}
