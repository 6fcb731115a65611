// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "host/constraint/constraint_source.h"
#include "tests/fuzz/expected_errors.h"

// A regular expression or, behind a first byte that is odd, a JSON Schema; small limits, so that each input is quick. No
// state of what comes out is a dead end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  fllm::fuzz::expect_typed_errors([&] {
    fllm::CompileBudget budget(
        "fuzzed", {.nfa_states = 20'000, .dfa_states = 2'000, .steps = 1'000'000, .table_bytes = 4'000'000});
    const fllm::ConstraintSource source = (data[0] & 1) == 0
                                              ? fllm::ConstraintSource(fllm::RegexConstraint{std::move(text)})
                                              : fllm::ConstraintSource(fllm::JsonSchemaConstraint{std::move(text)});
    const fllm::ByteDfa dfa = compile_source(source, budget);
    std::string walked;
    fllm::ByteDfa::State state = fllm::ByteDfa::kStart;
    for (int i = 0; i < 100 && !dfa.is_empty() && !dfa.accepts(state); ++i) {
      int byte = (i * 37 + static_cast<int>(size)) & 255, tried = 0;
      for (; tried < 256 && dfa.next(state, static_cast<char>(byte)) == fllm::ByteDfa::kDead; ++tried)
        byte = (byte + 1) & 255;
      if (tried == 256) std::abort();
      walked += static_cast<char>(byte);
      state = dfa.next(state, static_cast<char>(byte));
    }
    if (!dfa.is_empty() && dfa.walk(fllm::ByteDfa::kStart, walked) != state) std::abort();
  });
  return 0;
}
