// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/model_path.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>
#include <vector>

#include "apps/cli/errors.h"
#include "apps/cli/signals.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

constexpr const char* kBundledName = "shakespeare";

bool is_device(std::string_view word) {
  if (word == "auto" || word == "cpu" || word == "cuda") return true;
  constexpr std::string_view kIndexed = "cuda:";
  if (!word.starts_with(kIndexed)) return false;
  const std::string_view index = word.substr(kIndexed.size());
  return !index.empty() && index.size() <= 3 &&
         std::all_of(index.begin(), index.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string bundled_model_path() {
  std::vector<std::filesystem::path> places;
  if (const char* folder = std::getenv("FLLM_MODEL_DIR"); folder != nullptr && *folder != '\0') {
    places.emplace_back(std::filesystem::path(folder) / kBundledName);
  } else {
    std::error_code error;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (!error) {
      places.push_back((self.parent_path() / "../share/fundamentallm/models" / kBundledName).lexically_normal());
    }
  }
  std::vector<std::string> searched;
  for (const auto& place : places) {
    std::error_code error;
    if (std::filesystem::exists(place, error)) return place.string();
    searched.push_back(in_quotes(place.string()));
  }
  throw Exception(ErrorCode::kNotFound, "the bundled model is not there: looked in " + joined(searched, ", ") +
                                            "; give MODEL, or set FLLM_MODEL_DIR to the folder that holds it");
}

void check_machine(const Settings& settings, std::vector<std::string>& violations) {
  if (settings.device && !is_device(*settings.device)) {
    violations.push_back("--device: " + in_quotes(*settings.device) + ": auto, cpu, cuda or cuda:N is allowed");
  }
  constexpr int kMaxThreads = 1024;
  if (settings.threads && (*settings.threads < 0 || *settings.threads > kMaxThreads)) {
    violations.push_back("--threads: " + std::to_string(*settings.threads) + ": 0 to 1024 is allowed");
  }
  constexpr auto kMaxMemory = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (settings.kv_memory && *settings.kv_memory > kMaxMemory) {
    violations.push_back("--kv-memory: " + std::to_string(*settings.kv_memory) + ": 0 to 2^63-1 bytes is allowed");
  }
}

Generator open_generator(const CommandLine& line, int max_rows) {
  EngineOptions options;
  options.device = line.settings.device.value_or("auto");
  options.dtype = line.settings.dtype.value_or("auto");
  options.threads = line.settings.threads.value_or(0);
  options.kv_cache_bytes = static_cast<std::int64_t>(line.settings.kv_memory.value_or(0));
  options.max_rows = std::clamp(max_rows, 1, 4096);
  options.draft_model = line.settings.draft_model.value_or("");
  const std::string path = line.model.empty() ? bundled_model_path() : line.model;
  const auto start = std::chrono::steady_clock::now();
  Result<Generator> opened = Generator::open(path, options);
  if (!opened) throw Exception(opened.error().code, opened.error().message);
  if (noted_signal() != 0) throw Interrupted();
  if (line.settings.is_verbose()) {
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    const ModelInfo& info = opened->info();
    report_note(false, "model " + info.path + ", " + grouped(info.parameter_count) + " parameters, context " +
                           std::to_string(info.context_length) + " tokens, device " + info.device + ", opened in " +
                           std::to_string(static_cast<int>(took.count())) + " ms");
  }
  return std::move(*opened);
}

}  // namespace fllm::cli
