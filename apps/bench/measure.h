// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace fllm::bench {

struct Timing {
  double minimum_seconds = 0;
  double median_seconds = 0;
  double median_cpu_seconds = 0;  // of all threads of the process: what it costs whoever else wants the processors
};

inline double cpu_seconds() {
  std::timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Runs work after one warm-up, `runs` times.
template <class Work>
Timing measure(int runs, const Work& work) {
  using Clock = std::chrono::steady_clock;
  work();
  std::vector<double> walls, cpus;
  for (int i = 0; i < runs; ++i) {
    const double cpu = cpu_seconds();
    const Clock::time_point start = Clock::now();
    work();
    walls.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    cpus.push_back(cpu_seconds() - cpu);
  }
  std::sort(walls.begin(), walls.end());
  std::sort(cpus.begin(), cpus.end());
  return {walls.front(), walls[walls.size() / 2], cpus[cpus.size() / 2]};
}

/// Prints a line of JSON: what was measured, where, how long it took, and what is known besides.
inline void report(const std::string& what, const std::string& backend, const Timing& timing,
                   const nlohmann::json& more = nlohmann::json::object()) {
  nlohmann::json line{{"what", what},
                      {"backend", backend},
                      {"seconds", timing.minimum_seconds},
                      {"median_seconds", timing.median_seconds},
                      {"median_cpu_seconds", timing.median_cpu_seconds}};
  line.update(more);
  std::cout << line << '\n';
}

}  // namespace fllm::bench
