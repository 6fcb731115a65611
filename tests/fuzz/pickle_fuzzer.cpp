// SPDX-License-Identifier: Apache-2.0
// Any bytes as the pickle of a well-formed container: a fuzzer would not guess the container's CRC.
#include <cstdint>

#include "tests/fuzz/checkpoint_reads.h"
#include "tests/fuzz/expected_errors.h"
#include "tests/support/zip_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<fllm::test::ZipItem> items = {
      {.name = "archive/data.pkl", .content = std::string(reinterpret_cast<const char*>(data), size)}};
  for (int key = 0; key < 24; ++key) {
    items.push_back({.name = "archive/data/" + std::to_string(key), .content = std::string(32, '\x3f')});
  }
  const std::string bytes = fllm::test::zip_of(items);
  fllm::fuzz::expect_typed_errors([&] { fllm::fuzz::read_checkpoint(std::as_bytes(std::span(bytes))); });
  return 0;
}
