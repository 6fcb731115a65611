// SPDX-License-Identifier: Apache-2.0
// Any bytes as a checkpoint file.
#include <cstdint>

#include "tests/fuzz/checkpoint_reads.h"
#include "tests/fuzz/expected_errors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fllm::fuzz::expect_typed_errors([&] { fllm::fuzz::read_checkpoint(std::as_bytes(std::span(data, size))); });
  return 0;
}
