// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/jsonl_input.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "apps/cli/errors.h"
#include "apps/cli/requests.h"
#include "apps/cli/settings_json.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

using Json = nlohmann::json;

/// "top_k" and "top-k" are one key.
std::string canonical(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return key;
}

/// Parses one line; throws kInvalidArgument. A key that stands twice would silently lose a value, so it is an error.
Json parse_object(std::string_view line) {
  if (const auto offset = invalid_utf8_offset(line)) {
    throw Exception(ErrorCode::kInvalidArgument, "byte " + std::to_string(*offset) + " of the line is not valid UTF-8");
  }
  std::set<std::string> keys;
  std::string repeated;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth == 1 && event == Json::parse_event_t::key && !keys.insert(canonical(value.get<std::string>())).second) {
      repeated = value.get<std::string>();
    }
    return true;
  };
  Json record;
  try {
    record = Json::parse(line, watch);
  } catch (const Json::parse_error& error) {
    throw Exception(ErrorCode::kInvalidArgument,
                    "not valid JSON at byte " + std::to_string(error.byte) + " of the line");
  } catch (const Json::out_of_range&) {
    throw Exception(ErrorCode::kInvalidArgument, "a number of the line is too large for JSON");
  }
  if (!record.is_object()) {
    throw Exception(ErrorCode::kInvalidArgument,
                    std::string("the line is JSON ") + record.type_name() + ": an object {\"prompt\": ...} is allowed");
  }
  if (!repeated.empty()) throw Exception(ErrorCode::kInvalidArgument, in_quotes(repeated) + ": this key stands twice");
  return record;
}

void assign_key(Settings& settings, const std::string& key, const Json& value, std::vector<std::string>& violations) {
  const Setting* setting = find_setting(key);
  if (setting == nullptr || (setting->commands & kGenerate) == 0) {
    const std::string_view close = closest_setting(canonical(key), kGenerate);
    violations.push_back(in_quotes(key) + ": unknown key" +
                         (close.empty() ? std::string() : ": did you mean " + std::string(close) + "?"));
  } else if (!setting->per_request) {
    violations.push_back(in_quotes(key) + ": concerns the whole run: it is allowed on the command line only");
  } else {
    assign_json(settings, *setting, value, violations);
  }
}

void check_prompt_keys(const Settings& settings, std::vector<std::string>& violations) {
  if (settings.prompt && settings.prompt_file) {
    violations.emplace_back("prompt and prompt-file: given together: only one of them is allowed");
  } else if (!settings.prompt && !settings.prompt_file) {
    violations.emplace_back("no prompt: prompt or prompt-file is needed");
  }
  if (settings.prompt_file == "-" || settings.prompt == "-") {
    violations.emplace_back("prompt: '-': stdin is allowed on the command line only");
  }
}

}  // namespace

JsonlSource::JsonlSource(const std::string& path, Settings defaults)
    : reader_(open_input(path), path == "-" ? "stdin" : path), defaults_(std::move(defaults)) {}

void JsonlSource::read_record(std::string_view line, Job& job) const {
  const Json record = parse_object(line);
  std::vector<std::string> violations;
  for (const auto& [key, value] : record.items()) {
    if (key != "id") {
      assign_key(job.settings, key, value, violations);
    } else if (value.is_primitive()) {
      job.id = value;
    } else {
      violations.emplace_back("id: a string, number, bool or null is allowed");
    }
  }
  check_prompt_keys(job.settings, violations);
  const std::vector<std::string> of_request = request_violations(make_request(job.settings, ""), false);
  violations.insert(violations.end(), of_request.begin(), of_request.end());
  if (!violations.empty()) throw Exception(ErrorCode::kInvalidArgument, joined(violations, "; "));
  job.prompt = prompt_text(job.settings);
}

JobSource::Status JsonlSource::next(Job& job, bool wait) {
  LineReader::Status status = LineReader::Status::kLine;
  do {
    status = reader_.next(line_, wait);
    if (status == LineReader::Status::kEnd) return Status::kEnd;
    if (status == LineReader::Status::kWouldBlock) return Status::kWouldBlock;
  } while (is_blank(line_));

  job = Job{};
  job.id = job_count_++;
  job.line = reader_.lines_read();
  job.end_bytes = reader_.bytes_read();
  job.settings = defaults_;
  if (status == LineReader::Status::kTooLong) {
    job.error = Error{ErrorCode::kInvalidArgument,
                      "the line is longer than " + std::to_string(LineReader::kMaxLineBytes) + " bytes, the limit"};
    return Status::kJob;
  }
  try {
    read_record(line_, job);
  } catch (const Exception& error) {
    job.error = Error{error.code(), error.what()};
  }
  return Status::kJob;
}

}  // namespace fllm::cli
