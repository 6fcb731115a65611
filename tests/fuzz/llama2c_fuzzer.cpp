// SPDX-License-Identifier: Apache-2.0
// Any bytes as a model of llama2.c, and as its tokenizer.
#include <cstdint>

#include "host/model/llama2c_file.h"
#include "host/tokenizer/llama2c_vocabulary.h"
#include "tests/fuzz/expected_errors.h"
#include "tests/fuzz/read_tensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  fllm::fuzz::expect_typed_errors([&] { fllm::fuzz::read_tensors(fllm::Llama2cFile::from_memory(bytes, "fuzz.bin")); });
  fllm::fuzz::expect_typed_errors([&] { (void)fllm::parse_llama2c_vocabulary(bytes, "fuzz.bin"); });
  return 0;
}
