// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "tests/kernels/fiber_machines.h"
#include "tests/kernels/serial_isas.h"
#include "tests/support/sample_cases.h"

// The same launch gives the same bits in every context: any instruction set, any number of threads, blocks of fibers.
namespace fllm::test {
namespace {

void expect_same(const SampleBatch& batch, const SampleOutput& want, const SampleOutput& got,
                 const std::string& context) {
  for (std::int32_t row = 0; row < batch.rows(); ++row) {
    ASSERT_TRUE(same_row(batch, want, row, got, row)) << context << ": " << batch.describe(row);
  }
}

std::vector<SampleBatch> batches(std::span<const std::int32_t> vocabs, std::int32_t rows) {
  Random random(11);
  std::vector<SampleBatch> result;
  for (const std::int32_t vocab : vocabs) {
    BatchLayout layout{.vocab = vocab, .inject_uniforms = false, .want_probabilities = true, .top_count = 5};
    layout.type = vocab % 2 == 0 ? LogitType::kBFloat16 : LogitType::kFloat32;
    result.push_back(mixed_batch(layout, rows, random));
  }
  return result;
}

class SampleInvariance : public ::testing::Test {
 protected:
  SerialBackend reference_{serial_isas().begin()->kernels(), 1};
};

TEST_F(SampleInvariance, RowsAndNeighbours) {
  run_row_invariance(reference_, SuiteSize::kFull);
  SerialBackend threaded(choose_serial_kernels(), 3);
  run_row_invariance(threaded, SuiteSize::kFull);
}

TEST_F(SampleInvariance, ThreadsAndInstructionSets) {
  constexpr std::int32_t kVocabs[] = {1, 33, 500, 1024, 5001, 40000};
  for (const SampleBatch& batch : batches(kVocabs, 29)) {
    const SampleOutput want = run_batch(reference_, batch);
    for (const SerialIsa& isa : serial_isas()) {
      if (!isa.usable()) continue;
      for (std::int32_t threads = 1; threads <= 4; ++threads) {
        SerialBackend other(isa.kernels(), threads);
        expect_same(batch, want, run_batch(other, batch), other.description());
      }
    }
  }
}

TEST_F(SampleInvariance, Contexts) {
  constexpr std::int32_t kVocabs[] = {1, 33, 500, 1025};
  for (const SampleBatch& batch : batches(kVocabs, 12)) {
    const SampleOutput want = run_batch(reference_, batch);
    for (const FiberMachine& machine : every_machine()) {
      const auto fibers = make_fiber_backend({machine.threads, machine.schedule});
      expect_same(batch, want, run_batch(*fibers, batch), machine.name());
    }
  }
}

}  // namespace
}  // namespace fllm::test
