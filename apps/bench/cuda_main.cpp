// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime_api.h>

#include <algorithm>
#include <exception>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/bench/cuda_sampler_work.h"
#include "cuda/runtime/check.h"
#include "cuda/runtime/device_info.h"
#include "cuda/runtime/graph.h"

// Times the sampler on a CUDA device: captured launches, replayed between two events. Prints a JSON object for the device
// and one for each measurement; "seconds" are of one launch. "cold" launches take turns on rows that together are more than
// twice the second-level cache, "warm" ones sample the same rows again and again, which are in it as far as they fit.
namespace fllm::bench {
namespace {

constexpr std::size_t kWarmLaunches = 20;  // of a graph

/// Time between two places of a stream.
class Stopwatch {
 public:
  Stopwatch() {
    cuda::check(cudaEventCreate(&start_), "making an event");
    cuda::check(cudaEventCreate(&stop_), "making an event");
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    cuda::ignore(cudaEventDestroy(start_));
    cuda::ignore(cudaEventDestroy(stop_));
  }

  void start(cudaStream_t stream) { cuda::check(cudaEventRecord(start_, stream), "starting the clock"); }
  double stop(cudaStream_t stream) {
    float milliseconds = 0;
    cuda::check(cudaEventRecord(stop_, stream), "stopping the clock");
    cuda::check(cudaEventSynchronize(stop_), "waiting for the clock");
    cuda::check(cudaEventElapsedTime(&milliseconds, start_, stop_), "reading the clock");
    return milliseconds * 1e-3;
  }

 private:
  cudaEvent_t start_ = nullptr;
  cudaEvent_t stop_ = nullptr;
};

struct Options {
  int runs = 7;
  std::size_t most_slots = std::numeric_limits<std::size_t>::max();
  std::vector<CudaShape> shapes;  // of binary32; each is measured as bfloat16 too
};

std::int64_t attribute(cudaDeviceAttr which) {
  int value = 0;
  cuda::check(cudaDeviceGetAttribute(&value, which, 0), "reading an attribute of the device");
  return value;
}

class CudaBench {
 public:
  explicit CudaBench(const Options& options)
      : options_(options),
        sampler_(Sampler::create({.device = SamplerOptions::Device::kCuda}).value()),
        cache_bytes_(static_cast<std::size_t>(attribute(cudaDevAttrL2CacheSize))) {}

  void run() {
    // Both edges of the memory's clock carry data.
    const double peak = 2e3 * static_cast<double>(attribute(cudaDevAttrMemoryClockRate)) *
                        static_cast<double>(attribute(cudaDevAttrGlobalMemoryBusWidth)) / 8;
    print({{"device", sampler_.description()},
           {"driver", cuda::describe_driver()},
           {"l2_bytes", cache_bytes_},
           {"peak_bytes_per_second", peak > 0 ? nlohmann::json(peak) : nlohmann::json()}});
    for (CudaShape shape : options_.shapes) {
      for (const LogitsType type : {LogitsType::kFloat32, LogitsType::kBFloat16}) {
        shape.type = type;
        for (const CudaCase& work : cuda_cases()) measure_case(shape, work);
      }
    }
  }

 private:
  static void print(const nlohmann::json& line) { std::cout << line << std::endl; }

  void measure_case(const CudaShape& shape, const CudaCase& work) {
    nlohmann::json line{{"what", work.name},
                        {"rows", shape.rows},
                        {"vocab", shape.vocab},
                        {"dtype", shape.type == LogitsType::kFloat32 ? "fp32" : "bf16"}};
    try {
      CudaSamplerWork rows(sampler_, shape, work, {2 * cache_bytes_, 2, options_.most_slots}, stream_);
      line["bytes"] = rows.bytes();
      for (const bool cold : {true, false}) {
        const std::size_t launches = cold ? rows.slots() : std::min(kWarmLaunches, options_.most_slots);
        const std::vector<double> seconds = measure(rows, launches, cold);
        line["cache"] = cold ? "cold" : "warm";
        line["launches"] = launches;
        line["seconds"] = seconds.front();
        line["median_seconds"] = seconds[seconds.size() / 2];
        print(line);
      }
    } catch (const Exception& error) {
      if (error.code() != ErrorCode::kOutOfMemory) throw;
      line["skipped"] = error.what();
      print(line);
    }
  }

  /// Seconds of a launch in each run, ascending.
  std::vector<double> measure(CudaSamplerWork& rows, std::size_t launches, bool cold) {
    cuda::StreamCapture capture(stream_.get());
    for (std::size_t i = 0; i < launches; ++i) {
      sampler_.sample(rows.arguments(cold ? i : 0), stream_.get()).value();
    }
    const cuda::Graph graph = capture.end();
    graph.launch(stream_.get());
    std::vector<double> seconds;
    Stopwatch watch;
    for (int run = 0; run < options_.runs; ++run) {
      watch.start(stream_.get());
      graph.launch(stream_.get());
      seconds.push_back(watch.stop(stream_.get()) / static_cast<double>(launches));
    }
    std::sort(seconds.begin(), seconds.end());
    return seconds;
  }

  Options options_;
  Sampler sampler_;
  cuda::Stream stream_;
  std::size_t cache_bytes_;
};

Options parse(const std::vector<std::string>& words) {
  Options options;
  options.runs = std::stoi(words.at(0));
  if (const int most = std::stoi(words.at(1)); most > 0) options.most_slots = static_cast<std::size_t>(most);
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::size_t cross = words[i].find('x');
    options.shapes.push_back({.rows = std::stoi(words[i]), .vocab = std::stoi(words[i].substr(cross + 1))});
  }
  return options;
}

}  // namespace
}  // namespace fllm::bench

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 3) {
    std::cerr << "usage: fundamentallm-bench-cuda RUNS MOST_SLOTS ROWSxVOCAB...\n"
                 "MOST_SLOTS: copies of the rows that cold launches take turns on; 0: as many as empty the cache\n";
    return 2;
  }
  try {
    fllm::bench::CudaBench(fllm::bench::parse(words)).run();
  } catch (const std::exception& error) {
    std::cerr << "fundamentallm-bench-cuda: " << error.what() << '\n';
    return 1;
  }
}
