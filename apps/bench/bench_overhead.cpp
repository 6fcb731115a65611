// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "apps/bench/benchmarks.h"
#include "apps/bench/measure.h"
#include "host/engine/engine.h"
#include "host/model/open_model.h"
#include "tests/support/forwarding_backend.h"

namespace fllm::bench {
namespace {

using Time = std::chrono::steady_clock;

double seconds_since(Time::time_point start) { return std::chrono::duration<double>(Time::now() - start).count(); }

/// Adds up the time spent in the operations of a step.
class TimedBackend final : public test::ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  double seconds = 0;

  void upload(void* to, const void* from, std::size_t bytes) override {
    timed([&] { backend().upload(to, from, bytes); });
  }
  void download(void* to, const void* from, std::size_t bytes) override {
    timed([&] { backend().download(to, from, bytes); });
  }
  void embed(const EmbedParams& p) override {
    timed([&] { backend().embed(p); });
  }
  void rms_norm(const RmsNormParams& p) override {
    timed([&] { backend().rms_norm(p); });
  }
  void layer_norm(const LayerNormParams& p) override {
    timed([&] { backend().layer_norm(p); });
  }
  void rope(const RopeParams& p) override {
    timed([&] { backend().rope(p); });
  }
  void swiglu(const SwiGluParams& p) override {
    timed([&] { backend().swiglu(p); });
  }
  void linear(const LinearParams& p) override {
    timed([&] { backend().linear(p); });
  }
  void kv_append(const KvAppendParams& p) override {
    timed([&] { backend().kv_append(p); });
  }
  void attention(const AttentionParams& p) override {
    timed([&] { backend().attention(p); });
  }
  void gather_rows(const GatherRowsParams& p) override {
    timed([&] { backend().gather_rows(p); });
  }
  void copy_blocks(const CopyBlocksParams& p) override {
    timed([&] { backend().copy_blocks(p); });
  }
  void commit_rows(const CommitRowsParams& p) override {
    timed([&] { backend().commit_rows(p); });
  }
  void sample(LogitType type, const SampleParams& p) override {
    timed([&] { backend().sample(type, p); });
  }

 private:
  template <class Work>
  void timed(const Work& work) {
    const Time::time_point start = Time::now();
    work();
    seconds += seconds_since(start);
  }
};

/// Steps until the engine is idle; adds what each spent outside the backend's operations.
void run(Engine& engine, const TimedBackend& backend, const GenerateBench& options, std::vector<double>& host_seconds) {
  Request request;
  request.prompt = std::string("ROMEO:");
  request.num_samples = options.rows;
  request.length.max_tokens = request.length.min_tokens = options.tokens;
  request.sampling.seed = 7;
  auto state = engine.prepare(std::move(request));
  state->completion.request = RequestId{1};
  engine.enqueue(std::move(state));
  EngineOutput output;
  while (!engine.idle()) {
    const double before = backend.seconds;
    const Time::time_point start = Time::now();
    output.events.clear();
    output.ended.clear();
    output.finished.clear();
    engine.step(output);
    host_seconds.push_back(seconds_since(start) - (backend.seconds - before));
  }
}

}  // namespace

// The host's part of a step is too short to be interrupted often, so its median is its own; a whole step is not, so processor
// time is taken of it, which with one thread is what it takes when the machine has nothing else to do.
void bench_overhead(const GenerateBench& options) {
  const auto cpu = make_backend({.device = "cpu", .threads = options.threads});
  for (const std::int32_t ahead : {0, 1}) {
    TimedBackend backend(*cpu);
    const OpenedModel opened = open_model(options.model, backend);
    Engine engine(backend, opened.model, *opened.tokenizer, {.max_rows = options.rows, .steps_ahead = ahead});
    std::vector<double> host_seconds;
    run(engine, backend, options, host_seconds);  // warm-up
    host_seconds.clear();
    const Timing timing = measure(options.runs, [&] { run(engine, backend, options, host_seconds); });
    const double steps_per_run = static_cast<double>(host_seconds.size()) / (options.runs + 1);  // and a warm-up
    std::sort(host_seconds.begin(), host_seconds.end());
    const double host = host_seconds[host_seconds.size() / 2], step = timing.median_cpu_seconds / steps_per_run;
    std::cout << nlohmann::json{{"what", ahead == 0 ? "overhead, steps wait" : "overhead, device loop"},
                                {"rows", options.rows},
                                {"threads", options.threads},
                                {"step_cpu_seconds", step},
                                {"host_seconds", host},
                                {"host_share", host / step}}
              << '\n';
  }
}

}  // namespace fllm::bench
