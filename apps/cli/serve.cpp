// SPDX-License-Identifier: Apache-2.0
#include "apps/server/run_server.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "apps/cli/commands.h"
#include "apps/cli/errors.h"
#include "apps/cli/model_path.h"
#include "apps/cli/requests.h"
#include "apps/cli/signals.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

constexpr std::int32_t kMostRows = 4096;

/// What a header carries as it is.
bool is_key(const std::string& key) {
  return std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~' && c != '%'; });
}

void check_range(const char* flag, std::int32_t value, std::int32_t low, std::int32_t high, CommandLine& line) {
  if (value >= low && value <= high) return;
  line.violations.push_back(std::string(flag) + ": " + std::to_string(value) + ": " + std::to_string(low) + " to " +
                            std::to_string(high) + " is allowed");
}

std::string api_key(CommandLine& line) {
  const char* variable = std::getenv("FUNDAMENTALLM_API_KEY");
  const bool is_flag = line.settings.api_key.has_value();
  std::string key = is_flag ? *line.settings.api_key : variable != nullptr ? variable : "";
  if (is_flag && key.empty()) line.violations.emplace_back("--api-key: '': it must not be empty");
  if (!is_key(key)) {
    line.violations.push_back(std::string(is_flag ? "--api-key" : "FUNDAMENTALLM_API_KEY") +
                              ": printable ASCII without blanks and % is allowed");
  }
  return key;
}

server::ServerOptions server_options(CommandLine& line) {
  constexpr std::int32_t kMax = 1'000'000;
  constexpr std::uint64_t kMaxBody = std::uint64_t{1} << 30;
  const Settings& settings = line.settings;
  server::ServerOptions options;
  options.host = settings.host.value_or(options.host);
  options.port = settings.port.value_or(options.port);
  options.api_key = api_key(line);
  options.model_name = settings.model_name.value_or("");
  options.max_body_bytes = static_cast<std::int64_t>(settings.max_body.value_or(options.max_body_bytes));
  options.max_tokens = settings.max_tokens.value_or(0);
  options.max_connections = settings.max_connections.value_or(options.max_connections);
  options.speculation = speculation_options(settings);
  options.has_draft_model = settings.draft_model.has_value();
  options.timeout_seconds = settings.timeout.value_or(options.timeout_seconds);
  check_speculation(settings, true, line.violations);
  Request speculating;
  speculating.speculation = options.speculation;
  if (speculating.speculation) speculating.speculation->draft_forced = false;  // constraints come with requests
  const std::vector<std::string> of_speculation = request_violations(speculating, true);
  line.violations.insert(line.violations.end(), of_speculation.begin(), of_speculation.end());
  check_range("--port", options.port, 0, 65535, line);
  check_range("--max-tokens", settings.max_tokens.value_or(1), 1, kMax, line);
  check_range("--max-rows", settings.max_rows.value_or(1), 1, kMostRows, line);
  check_range("--max-queue", settings.max_queue.value_or(0), 0, kMax, line);
  check_range("--max-connections", options.max_connections, 1, 900, line);
  check_range("--timeout", options.timeout_seconds, 1, kMax, line);
  if (settings.max_body && (*settings.max_body == 0 || *settings.max_body > kMaxBody)) {
    line.violations.push_back("--max-body: " + std::to_string(*settings.max_body) + ": 1 to " +
                              std::to_string(kMaxBody) + " bytes is allowed");
  }
  if (settings.model_name && settings.model_name->empty()) {
    line.violations.emplace_back("--model-name: '': it must not be empty");
  }
  return options;
}

/// "SmolLM2-135M.gguf" is called "SmolLM2-135M", and "shakespeare/model.pt" "shakespeare".
std::string name_of_model(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(path, error).lexically_normal();
  const std::string stem = whole.stem().string();
  return stem.starts_with("model") ? whole.parent_path().filename().string() : stem;
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

void announce(const std::string& url) {
  if (std::printf("fundamentallm: listening on %s\n", url.c_str()) < 0 || std::fflush(stdout) != 0) {
    throw Exception(ErrorCode::kIo, "stdout: cannot write");
  }
}

}  // namespace

int run_serve(CommandLine& line) {
  constexpr std::int32_t kDefaultRows = 64, kDefaultQueue = 256;
  server::ServerOptions options = server_options(line);
  check_machine(line.settings, line.violations);
  check_usage(line);
  const std::int32_t rows = line.settings.max_rows.value_or(kDefaultRows);
  options.max_samples = rows + line.settings.max_queue.value_or(kDefaultQueue);

  Generator generator = open_generator(line, rows);
  if (options.model_name.empty()) options.model_name = name_of_model(generator.info().path);
  if (options.api_key.empty() && !is_loopback(options.host)) {
    report_note(line.settings.is_quiet(), "no API key: whoever reaches " + options.host + " is answered");
  }
  const server::ServerEnd end = server::run_server(generator, options, {announce, noted_signal});
  constexpr int kSignalBase = 128;
  return end == server::ServerEnd::kDrained ? kExitSuccess : kSignalBase + noted_signal();
}

}  // namespace fllm::cli
