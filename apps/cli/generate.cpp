// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "apps/cli/batch.h"
#include "apps/cli/commands.h"
#include "apps/cli/constraints.h"
#include "apps/cli/errors.h"
#include "apps/cli/jsonl_input.h"
#include "apps/cli/model_path.h"
#include "apps/cli/requests.h"
#include "apps/cli/resume.h"
#include "apps/cli/signals.h"
#include "apps/cli/speculation_report.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

/// The prompt of the command line.
class SinglePrompt : public JobSource {
 public:
  SinglePrompt(Settings settings, std::string prompt) {
    job_.id = 0;
    job_.settings = std::move(settings);
    job_.prompt = std::move(prompt);
  }

  Status next(Job& job, bool /*wait*/) override {
    if (std::exchange(given_, true)) return Status::kEnd;
    job = std::move(job_);
    return Status::kJob;
  }

 private:
  Job job_;
  bool given_ = false;
};

/// Everything that can be told to be wrong before a file is opened.
void check(CommandLine& line) {
  const Settings& settings = line.settings;
  check_files(settings, true, line.violations);
  check_machine(settings, line.violations);
  if (!settings.input) check_constraint(settings, true, line.violations);
  Request request = make_request(settings, "");
  if (settings.input && request.speculation) request.speculation->draft_forced = false;  // constraints come with lines
  const std::vector<std::string> of_request = request_violations(request, true);
  line.violations.insert(line.violations.end(), of_request.begin(), of_request.end());
  if (!settings.input) {  // else each line has settings of its own beside these
    check_system(settings, line.violations);
    check_beams(settings, true, line.violations);
    check_speculation(settings, true, line.violations);
  }
  if (settings.logprobs && !settings.is_jsonl()) {
    line.violations.emplace_back("--logprobs: given with text format: --format jsonl shows them");
  }
  const bool one_text = !settings.is_jsonl() && !settings.input && settings.text_count() == 1;
  if (settings.stream.value_or(false) && (!one_text || settings.output_file)) {
    line.violations.emplace_back(
        "--stream: one sample of one prompt, in text format and to stdout, is allowed (no --input, --num-samples or "
        "--num-return "
        "above 1, --format jsonl or --output-file)");
  }
  if (settings.resume.value_or(false) && (!settings.input || !settings.output_file || !settings.is_jsonl())) {
    line.violations.emplace_back("--resume: --input and --output-file, in jsonl format, are needed with it");
  }
  check_usage(line);
}

/// A batch's records outlive the program.
CutOff cut_off(const Settings& settings) {
  return settings.input && settings.is_jsonl() ? CutOff::kLeft : CutOff::kRemoved;
}

/// What stands of an earlier run.
Resumed take_over(const Settings& settings, OutputSink& sink, JobSource& source) {
  const std::string partial = sink.partial_path();
  if (settings.resume.value_or(false)) {
    if (partial.empty()) {
      throw Exception(ErrorCode::kInvalidArgument,
                      "--resume: " + in_quotes(*settings.output_file) + ": a regular file is allowed");
    }
    return resume(sink, source);
  }
  if (!partial.empty() && sink.left_behind() == partial) {
    throw Exception(ErrorCode::kInvalidArgument,
                    in_quotes(partial) +
                        ": it has the records of a run that was cut off: --resume goes on with them; "
                        "remove it to begin anew");
  }
  return {};
}

bool streams(const Settings& settings, const OutputSink& sink) {
  const bool possible = !settings.is_jsonl() && !settings.input && settings.text_count() == 1;
  return possible && sink.is_stdout() && settings.stream.value_or(sink.is_terminal());
}

void report_run(const BatchReport& report, double seconds) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "%lld tokens in %.3f s, %.1f tokens/s", static_cast<long long>(report.tokens),
                seconds, seconds > 0 ? static_cast<double>(report.tokens) / seconds : 0.0);
  std::string line = text.data();
  if (report.requests == 1 && report.last_seed) line = "seed " + std::to_string(*report.last_seed) + ", " + line;
  report_note(false, line);
}

/// The exit code, after the last words.
int conclude(const Settings& settings, const BatchReport& report) {
  constexpr int kSignalBase = 128;
  if (noted_signal() != 0) return kSignalBase + noted_signal();
  if (report.failed == 0) return kExitSuccess;
  if (settings.input) {
    report_error(std::to_string(report.failed) + " of " + std::to_string(report.requests) + " requests failed");
    return kExitFailure;
  }
  if (settings.is_jsonl()) report_error(report.last_error->message);
  return exit_code(report.last_error->code);
}

/// Of the batch: a search has all its beams in it at once.
std::int32_t batch_rows(const Settings& settings) {
  constexpr std::int32_t kBatchRows = 256;
  if (settings.input) return std::max(kBatchRows, settings.beam_width.value_or(1));
  return settings.beam_width ? *settings.beam_width : std::min(settings.row_count(), kBatchRows);
}

}  // namespace

int run_generate(CommandLine& line) {
  check(line);
  read_schema(line.settings);
  const Settings& settings = line.settings;
  std::unique_ptr<JobSource> source;
  if (settings.input) {
    source = std::make_unique<JsonlSource>(*settings.input, settings);
  } else {
    source = std::make_unique<SinglePrompt>(settings, prompt_text(settings));
  }
  OutputSink sink(settings.output_file.value_or(""), cut_off(settings));
  const Resumed resumed = take_over(settings, sink, *source);
  Generator generator = open_generator(line, batch_rows(settings));

  TextWriter text_writer(sink);
  JsonlWriter jsonl_writer(sink, generator);
  ResultWriter& writer = settings.is_jsonl() ? static_cast<ResultWriter&>(jsonl_writer) : text_writer;
  Progress progress(settings.input && !settings.is_quiet() && isatty(STDERR_FILENO) == 1, source->size_bytes());
  Batch batch(generator, *source, writer, progress, streams(settings, sink) ? &text_writer : nullptr);

  const auto start = std::chrono::steady_clock::now();
  BatchReport report;
  try {
    report = batch.run();
  } catch (const Interrupted&) {
    sink.commit();  // what is there is whole
    throw;
  }
  sink.commit();
  report.requests += resumed.records;
  report.failed += resumed.failed;
  if (settings.is_verbose()) {
    report_run(report, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  report_speculation(settings, generator);
  return conclude(settings, report);
}

}  // namespace fllm::cli
