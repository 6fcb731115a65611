// SPDX-License-Identifier: Apache-2.0
// Any bytes as a GGUF: its tensors, its metadata, its tokenizer, its config.
#include <cstdint>
#include <limits>

#include "host/model/gguf_config.h"
#include "host/model/gguf_file.h"
#include "host/model/gguf_metadata_view.h"
#include "host/tokenizer/gguf_vocabulary.h"
#include "tests/fuzz/expected_errors.h"
#include "tests/fuzz/model_configs.h"
#include "tests/fuzz/read_tensors.h"

namespace {

/// Looks a key up as every type.
void look_up(const fllm::GgufMetadata& metadata, std::string_view key) {
  const fllm::IntegerRange any = {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  using fllm::fuzz::expect_typed_errors;
  expect_typed_errors([&] { (void)metadata.find_text(key); });
  expect_typed_errors([&] { (void)metadata.find_integer(key, any); });
  expect_typed_errors([&] { (void)metadata.find_real(key); });
  expect_typed_errors([&] { (void)metadata.find_flag(key); });
  expect_typed_errors([&] { (void)metadata.find_texts(key); });
  expect_typed_errors([&] { (void)metadata.find_reals(key); });
  expect_typed_errors([&] { (void)metadata.find_integers(key, any); });
  (void)metadata.find(key)->elements();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fllm::fuzz::expect_typed_errors([&] {
    const auto file = fllm::GgufFile::from_memory(std::as_bytes(std::span(data, size)), "fuzz.gguf");
    for (const fllm::GgufEntry& entry : file.metadata().entries()) look_up(file.metadata(), entry.key);
    fllm::fuzz::read_tensors(file);
    fllm::fuzz::expect_typed_errors([&] { (void)fllm::vocabulary_of(file.metadata()); });
    fllm::fuzz::check_heads(fllm::config_from_gguf(fllm::GgufMetadataView(file.metadata())));
  });
  return 0;
}
