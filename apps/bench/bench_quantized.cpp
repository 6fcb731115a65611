// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "apps/bench/benchmarks.h"
#include "apps/bench/measure.h"
#include "apps/bench/normal_values.h"
#include "cuda/backend/backend.h"
#include "cuda/backend/thread_pool.h"

namespace fllm::bench {
namespace {

struct Shape {
  QuantizedType type;
  std::int32_t out, in;
  [[nodiscard]] std::size_t bytes() const {
    const QuantizedBlock block = quantized_block(type);
    return static_cast<std::size_t>(out) * static_cast<std::size_t>(in / block.elements * block.bytes);
  }
};

/// The matrices of SmolLM2-135M as its Q4_1 file has them: 30 layers, then the head that is the embedding.
std::vector<Shape> model_shapes() {
  constexpr QuantizedType kLayer = QuantizedType::kQ4_1;
  std::vector<Shape> shapes;
  for (int layer = 0; layer < 30; ++layer) {
    shapes.insert(
        shapes.end(),
        {{kLayer, 960, 576}, {kLayer, 576, 576}, {kLayer, 1536, 576}, {kLayer, 1536, 576}, {kLayer, 576, 1536}});
  }
  shapes.push_back({QuantizedType::kQ8_0, 49152, 576});
  return shapes;
}

/// Blocks with scales of ordinary size.
std::unique_ptr<LinearWeight> random_weight(Backend& backend, const Shape& shape) {
  std::mt19937 random(1);
  std::vector<std::byte> blocks(shape.bytes());
  for (std::byte& byte : blocks) byte = static_cast<std::byte>(random() & 0x2fu);
  return backend.make_linear(QuantizedMatrix{shape.type, blocks, shape.out, shape.in});
}

/// Seconds in which the threads of a pool read as many bytes, in pieces that each takes when it is done with one.
Timing measure_reading(std::size_t bytes, int threads, int runs) {
  const std::vector<std::uint64_t> memory(bytes / sizeof(std::uint64_t), 1);
  ThreadPool pool(threads);
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(threads) * 8);
  return measure(runs, [&] {
    std::atomic<std::size_t> next{0};
    pool.run(threads, [&](std::int32_t worker) {
      constexpr std::size_t kPiece = std::size_t{1} << 15;
      std::uint64_t sum = 0;
      for (std::size_t begin = next.fetch_add(kPiece); begin < memory.size(); begin = next.fetch_add(kPiece)) {
        for (std::size_t i = begin; i < std::min(begin + kPiece, memory.size()); ++i) sum += memory[i];
      }
      sums[static_cast<std::size_t>(worker) * 8] = sum;
    });
  });
}

}  // namespace

void bench_quantized(const QuantizedBench& options) {
  const auto backend = make_backend({.device = "cpu", .threads = options.threads});
  const std::vector<Shape> shapes = model_shapes();
  // Of a prompt the head takes the last row alone.
  const auto rows_of = [&](std::size_t i) { return options.prompt && i + 1 == shapes.size() ? 1 : options.rows; };
  std::vector<std::unique_ptr<LinearWeight>> weights;
  std::size_t bytes = 0, inputs = 0, outputs = 0;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    weights.push_back(random_weight(*backend, shapes[i]));
    bytes += shapes[i].bytes();
    inputs = std::max(inputs, static_cast<std::size_t>(rows_of(i)) * static_cast<std::size_t>(shapes[i].in));
    outputs = std::max(outputs, static_cast<std::size_t>(rows_of(i)) * static_cast<std::size_t>(shapes[i].out));
  }
  DeviceArray<float> x(*backend, inputs), y(*backend, outputs);
  x.upload(normal_values(inputs));
  const Timing timing = measure(options.runs, [&] {
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      backend->linear({{x.data(), rows_of(i), shapes[i].in, shapes[i].in},
                       weights[i].get(),
                       nullptr,
                       Epilogue::kBias,
                       {y.data(), rows_of(i), shapes[i].out, shapes[i].out}});
    }
  });
  const Timing reading = measure_reading(bytes, options.threads, options.runs);
  report(options.prompt ? "prompt" : "batch", backend->description(), timing,
         {{"bytes", bytes},
          {"rows_per_second", options.rows / timing.minimum_seconds},
          {"reading_seconds", reading.minimum_seconds}});
}

}  // namespace fllm::bench
