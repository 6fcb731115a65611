// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/support/array_call.h"
#include "tests/support/c_sampler.h"
#include "tests/support/sample_cases.h"

// Counts every allocation of this program: the C++ operators come from malloc, which the program replaces by one that
// counts. The sanitizers have their own, hence this test only without them.
namespace {
std::atomic<long> allocations{0};
}  // namespace

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the C library's names
void* __libc_malloc(std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
void* malloc(std::size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}
}

namespace fllm::test {
namespace {

TEST(CApiAllocation, IsCounted) {
  const long before = allocations;
  delete new volatile int(1);
  std::free(std::aligned_alloc(64, 64));
  EXPECT_EQ(allocations - before, 2);
}

TEST(CApiAllocation, NoneInACall) {
  Random random(1);
  const CSampler sampler = make_cpu(2);
  for (const std::int32_t vocab : {7, 1000, 50000}) {
    const SampleBatch batch = mixed_batch({.vocab = vocab, .top_count = 3}, 6, random);
    ArrayCall call(batch);
    fllm_sample_args args = call.args();
    args.advance = 1;
    const std::vector<std::byte> workspace = give_workspace(sampler.get(), args);
    const std::vector<std::int32_t> ids(6, 0);
    fllm_history_append_args append{};
    append.struct_size = sizeof append;
    append.history = args.history;
    append.ids = ids.data();
    append.rows = 6;
    append.vocab = vocab;
    std::int64_t shape[] = {6, vocab}, row_shape[] = {6};
    const fllm_dl_tensor logits{const_cast<void*>(args.logits), {FLLM_DEVICE_CPU, 0}, 2, {2, 32, 1}, shape, nullptr, 0};
    const fllm_dl_tensor tokens{args.tokens, {FLLM_DEVICE_CPU, 0}, 1, {0, 32, 1}, row_shape, nullptr, 0};
    fllm_sample_tensors tensors{};
    tensors.struct_size = sizeof tensors;
    tensors.logits = &logits;
    tensors.tokens = &tokens;

    const long before = allocations;
    const fllm_status sampled = fllm_sample(sampler.get(), &args, nullptr);
    const fllm_status appended = fllm_history_append(sampler.get(), &append, nullptr);
    const fllm_status by_tensors = fllm_sample_dl(sampler.get(), &tensors, &args, nullptr);
    EXPECT_EQ(allocations - before, 0);
    EXPECT_EQ(sampled, FLLM_OK) << fllm_last_error();
    EXPECT_EQ(appended, FLLM_OK) << fllm_last_error();
    EXPECT_EQ(by_tensors, FLLM_OK) << fllm_last_error();
  }
}

}  // namespace
}  // namespace fllm::test
