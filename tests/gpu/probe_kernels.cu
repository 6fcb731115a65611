// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/probe_kernels.h"

#include "cuda/backend/cuda_launch.h"
#include "cuda/cta/cta_concept.h"

namespace fllm::test {
namespace {

struct CountUp {
  struct Params {
    std::int32_t* out;
    std::int32_t count;
    std::int32_t first;
    std::int32_t slots;  // int32 elements of dynamic shared memory
  };
  struct Shared {
    std::int32_t first;
  };
  static constexpr std::int32_t kMaxThreads = 256;

  template <Cta C>
  FLLM_DEVICE void operator()(C& cta, Shared& shared, const Params& p) const {
    auto* slots = static_cast<std::int32_t*>(cta.dynamic_shared());
    if (cta.thread_index() == 0) shared.first = p.first;
    for (std::int32_t i = cta.thread_index(); i < p.slots; i += cta.thread_count()) slots[p.slots - 1 - i] = i;
    cta.sync();  // the slots and the first value are written
    for (std::int32_t i = cta.thread_index(); i < p.count; i += cta.thread_count()) {
      const std::int32_t slot = i % p.slots;
      p.out[i] = shared.first + (p.slots - 1 - slots[slot]) + (i - slot);
    }
  }
};

struct Fault {
  struct Params {
    std::int32_t* address;
  };
  struct Shared {};

  template <Cta C>
  FLLM_DEVICE void operator()(C&, Shared&, const Params& p) const {
    *p.address = 1;
  }
};

cuda::CudaExecutor executor_on(cudaStream_t stream) { return {cuda::describe_device(0), stream}; }

}  // namespace

void run_count_up(cudaStream_t stream, std::int32_t* out, std::int32_t count, std::int32_t first,
                  std::size_t dynamic_bytes) {
  executor_on(stream).launch<CountUp>(
      {1, CountUp::kMaxThreads, dynamic_bytes},
      {out, count, first, static_cast<std::int32_t>(dynamic_bytes / sizeof(std::int32_t))});
}

std::size_t allow_count_up_all_shared(cudaStream_t stream) { return executor_on(stream).allow_all_shared<CountUp>(); }

void run_fault(cudaStream_t stream) {
  executor_on(stream).launch<Fault>({1, 32, 0}, {reinterpret_cast<std::int32_t*>(std::uintptr_t{16})});
}

}  // namespace fllm::test
