// SPDX-License-Identifier: Apache-2.0
// Any bytes as a model of llama2.c, and as its tokenizer.
#include <cstdint>

#include "host/model/llama2c_config.h"
#include "host/tokenizer/llama2c_vocabulary.h"
#include "tests/fuzz/expected_errors.h"
#include "tests/fuzz/model_configs.h"
#include "tests/fuzz/read_tensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  fllm::fuzz::expect_typed_errors([&] {
    const auto file = fllm::Llama2cFile::from_memory(bytes, "fuzz.bin");
    fllm::fuzz::check_heads(fllm::config_from_llama2c(file.header()));
    fllm::fuzz::read_tensors(file);
  });
  fllm::fuzz::expect_typed_errors([&] { (void)fllm::parse_llama2c_vocabulary(bytes, "fuzz.bin"); });
  return 0;
}
