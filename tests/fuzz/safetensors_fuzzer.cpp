// SPDX-License-Identifier: Apache-2.0
// Any bytes as a safetensors file, and as the index of several.
#include <cstdint>

#include "host/model/safetensors_file.h"
#include "host/model/safetensors_index.h"
#include "tests/fuzz/expected_errors.h"
#include "tests/fuzz/read_tensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fllm::fuzz::expect_typed_errors([&] {
    fllm::fuzz::read_tensors(
        fllm::SafetensorsFile::from_memory(std::as_bytes(std::span(data, size)), "fuzz.safetensors"));
  });
  fllm::fuzz::expect_typed_errors([&] {
    (void)fllm::parse_safetensors_index({reinterpret_cast<const char*>(data), size}, "fuzz.json");
  });
  return 0;
}
