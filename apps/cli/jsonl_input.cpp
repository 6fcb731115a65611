// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/jsonl_input.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "apps/cli/constraints.h"
#include "apps/cli/errors.h"
#include "apps/cli/requests.h"
#include "apps/cli/settings_json.h"
#include "apps/cli/text.h"
#include "apps/json/chat_messages.h"
#include "apps/json/json_object.h"
#include "apps/json/shown_value.h"
#include "apps/server/ordered_part.h"

namespace fllm::cli {

namespace {

using Json = nlohmann::json;

/// "top_k" and "top-k" are one key.
std::string canonical(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return key;
}

/// Parses one line; throws kInvalidArgument.
Json parse_object(std::string_view line) {
  if (const auto offset = invalid_utf8_offset(line)) {
    throw Exception(ErrorCode::kInvalidArgument, "byte " + std::to_string(*offset) + " of the line is not valid UTF-8");
  }
  try {
    return apps::parse_object({line, "the line", R"(an object {"prompt": ...})", canonical});
  } catch (const apps::JsonRefusal& refusal) {
    const std::string key = refusal.key().empty() ? "" : in_quotes(refusal.key()) + ": ";
    throw Exception(ErrorCode::kInvalidArgument, key + refusal.what());
  }
}

/// Whether a value comes back as it was given: numbers beyond 64 bits are read as rounded ones.
bool is_id(const Json& value) {
  constexpr double kExact = 0x1p53;
  return value.is_primitive() && (!value.is_number_float() || std::fabs(value.get<double>()) < kExact);
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

void check_prompt_keys(const Json& record, const Settings& settings, std::vector<std::string>& violations) {
  const bool has_file = record.contains("prompt-file") || record.contains("prompt_file");
  if (record.contains("prompt") && has_file) {
    violations.emplace_back("prompt and prompt-file: given together: only one of them is allowed");
  } else if (!record.contains("prompt") && !has_file) {
    violations.emplace_back("no prompt: prompt, prompt-file or messages is needed");
  }
  constexpr const char* kStdin = ": '-': stdin is allowed on the command line only";
  if (settings.prompt == "-") violations.push_back(std::string("prompt") + kStdin);
  if (settings.prompt_file == "-") violations.push_back(std::string("prompt-file") + kStdin);
}

/// Whether a line says something of this setting, and something else than that it is off.
bool asks_for(const Json& record, std::string name) {
  for (const char dash : {'-', '_'}) {
    std::replace(name.begin(), name.end(), '-', dash);
    const auto found = record.find(name);
    if (found != record.end()) return *found != false && *found != 0;
  }
  return false;
}

/// What the command line says of speculation is left out of lines that say nothing of it and that it cannot help.
void settle_speculation(const Json& record, Settings& settings) {
  const bool forces = asks_for(record, "draft-forced");
  const bool forces_nothing = settings.draft_forced.value_or(false) && !can_force(settings);
  if (forces_nothing && !forces) settings.draft_forced = false;
  for (const char* name : {"speculation", "draft-tokens", "prompt-lookup"}) {
    if (asks_for(record, name)) return;
  }
  const bool helps = !settings.beam_width && (!forces_nothing || settings.prompt_lookup.value_or(0) != 0);
  if (!forces && !helps) settings.speculation = "off";
}

void check_message_keys(const Json& record, const std::vector<ChatMessage>& messages,
                        std::vector<std::string>& violations) {
  for (const char* key : {"prompt", "prompt-file", "prompt_file"}) {
    if (record.contains(key)) {
      violations.push_back(std::string(key) + " and messages: given together: only one of them is allowed");
    }
  }
  if (record.value("chat", Json(true)) == Json(false)) {
    violations.emplace_back("chat: false: messages are a conversation: true, or no chat, is allowed");
  }
  if (record.contains("system") && !messages.empty() && messages.front().role == ChatRole::kSystem) {
    violations.emplace_back(
        "system: given with messages that begin with a system message: only one of them is allowed");
  }
}

}  // namespace

JsonlSource::JsonlSource(const std::string& path, Settings defaults)
    : reader_(open_input(path), path == "-" ? "stdin" : path), defaults_(std::move(defaults)) {}

void JsonlSource::read_record(std::string_view line, Job& job) const {
  const Json record = parse_object(line);
  std::vector<std::string> violations;
  for (const auto& [key, value] : record.items()) {
    if (is_constraint(key)) clear_constraint(job.settings);  // of the command line
    if (becomes_automaton(key)) job.control_bytes += value.dump().size();
  }
  for (const auto& [key, value] : record.items()) {
    if ((key == "json-schema" || key == "json_schema") && (value.is_object() || value.is_boolean())) {
      job.settings.json_schema = key;
      job.settings.json_schema_text = server::ordered_part(line, {key});
    } else if ((key == "json-schema" || key == "json_schema") && !value.is_string()) {
      violations.push_back(
          apps::not_allowed(key, value, "a schema (an object, true or false), or the name of its file,"));
    } else if (key == "messages") {
      job.messages = apps::read_messages(value, [&](const std::string& /*field*/, const std::string& message) {
        violations.push_back(printable(message));
      });
    } else if (key != "id") {
      assign_key(job.settings, key, value, violations);
    } else if (is_id(value)) {
      job.id = value;
    } else {
      violations.emplace_back("id: a string, a number of at most 64 bits, bool or null is allowed");
    }
  }
  settle_speculation(record, job.settings);
  const bool chat = record.contains("messages");
  if (chat) {
    check_message_keys(record, job.messages, violations);
    job.settings.chat = true;
  } else {
    check_prompt_keys(record, job.settings, violations);
  }
  check_constraint(job.settings, false, violations);
  const std::vector<std::string> of_request = request_violations(make_request(job.settings, ""), false);
  violations.insert(violations.end(), of_request.begin(), of_request.end());
  check_beams(job.settings, false, violations);
  check_speculation(job.settings, false, violations);
  if (!violations.empty()) throw Exception(ErrorCode::kInvalidArgument, joined(violations, "; "));
  read_schema(job.settings);
  if (!chat) job.prompt = prompt_text(job.settings);
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
