// SPDX-License-Identifier: Apache-2.0
#include "apps/cli/resume.h"

#include <nlohmann/json.hpp>
#include <string>

#include "apps/cli/line_reader.h"
#include "apps/cli/text.h"
#include "apps/json/chat_messages.h"

namespace fllm::cli {

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t kMaxRecordBytes = std::size_t{1} << 30;  // 4096 samples with log-probabilities

/// One record; null when it is none that stands.
OrderedJson standing_record(const std::string& line) {
  if (line.find('\0') != std::string::npos) return nullptr;  // the parser takes it for the end
  OrderedJson record = OrderedJson::parse(line, nullptr, false);
  if (!record.is_object() || !record.contains("id")) return nullptr;
  if (!record.contains("samples")) return record.contains("error") ? record : OrderedJson();
  for (const OrderedJson& sample : record["samples"]) {
    if (sample.value("finish_reason", "cancelled") == "cancelled") return nullptr;
  }
  return record;
}

void check_match(const std::string& name, std::int64_t number, const OrderedJson& record, const Job& job) {
  const auto differ = [&](const char* key, const OrderedJson& wanted) {
    throw Exception(ErrorCode::kInvalidArgument,
                    in_quotes(name) + ": record " + std::to_string(number) + " has the " + key + " " +
                        in_quotes(record[key].dump(-1, ' ', false, OrderedJson::error_handler_t::replace)) +
                        ", the request in its place " +
                        in_quotes(wanted.dump(-1, ' ', false, OrderedJson::error_handler_t::replace)) +
                        ": --resume goes on with a run of the same --input");
  };
  if (record["id"] != job.id) differ("id", job.id);
  const OrderedJson prompt = job.messages.empty() ? OrderedJson(job.prompt) : OrderedJson();
  const OrderedJson messages = job.messages.empty() ? OrderedJson() : apps::messages_json(job.messages);
  if (record.contains("prompt") && record["prompt"] != prompt) differ("prompt", prompt);
  if (record.contains("messages") && record["messages"] != messages) differ("messages", messages);
}

}  // namespace

Resumed resume(OutputSink& sink, JobSource& source) {
  Resumed done;
  const std::string name = sink.left_behind();
  if (name.empty()) return done;
  const bool in_place = name == sink.partial_path();
  LineReader reader(open_input(name), name, kMaxRecordBytes);
  std::string line;
  std::int64_t kept_bytes = 0;
  while (reader.next(line, true) == LineReader::Status::kLine) {
    const bool whole = reader.bytes_read() == kept_bytes + static_cast<std::int64_t>(line.size()) + 1;
    const OrderedJson record = whole ? standing_record(line) : OrderedJson();
    if (record.is_null()) break;
    Job job;
    if (source.next(job, true) != JobSource::Status::kJob) {
      throw Exception(ErrorCode::kInvalidArgument, in_quotes(name) + ": it has more records than the --input's " +
                                                       std::to_string(done.records) +
                                                       " requests: --resume goes on with a run of the same one");
    }
    check_match(name, done.records + 1, record, job);
    ++done.records;
    done.failed += record.contains("error") ? 1 : 0;
    kept_bytes = reader.bytes_read();
    if (!in_place) sink.write(line + "\n");
  }
  if (in_place) sink.keep(kept_bytes);
  sink.flush();
  return done;
}

}  // namespace fllm::cli
