// SPDX-License-Identifier: Apache-2.0
#include <cstddef>

#include "apps/bench/benchmarks.h"
#include "apps/bench/measure.h"
#include "apps/bench/normal_values.h"
#include "cuda/backend/backend.h"

namespace fllm::bench {

void bench_product(const ProductBench& options) {
  const auto backend = make_backend({.device = "cpu", .threads = options.threads});
  const auto rows = static_cast<std::size_t>(options.rows), out = static_cast<std::size_t>(options.out),
             in = static_cast<std::size_t>(options.in);
  const auto weight = backend->make_linear(normal_values(out * in), options.out, options.in);
  DeviceArray<float> x(*backend, rows * in);
  DeviceArray<float> y(*backend, rows * out);
  x.upload(normal_values(rows * in));
  const LinearParams params{{x.data(), options.rows, options.in, options.in},
                            weight.get(),
                            nullptr,
                            Epilogue::kBias,
                            {y.data(), options.rows, options.out, options.out}};
  const Timing timing = measure(options.runs, [&] { backend->linear(params); });
  report("product", backend->description(), timing);
}

}  // namespace fllm::bench
