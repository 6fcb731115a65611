// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "apps/cli/job.h"
#include "apps/cli/output_sink.h"
#include "fundamentallm/generator.h"

namespace fllm::cli {

/// Writes results in the order of their jobs.
class ResultWriter {
 public:
  virtual ~ResultWriter() = default;
  virtual void write(const Job& job, const Completion& completion) = 0;
  virtual void write_error(const Job& job, const Error& error) = 0;
  /// Out of the program with what was written.
  virtual void flush() = 0;
};

/// Which samples a user wants to see: all, or the best by --pick-best (the first of equal ones; never one that failed, or
/// that an interrupt kept from beginning, while there is another).
[[nodiscard]] std::vector<std::size_t> shown_samples(const Settings& settings, const Completion& completion);

/// Prompt and text; an empty line between samples. Errors go to stderr.
class TextWriter : public ResultWriter {
 public:
  explicit TextWriter(OutputSink& sink) : sink_(sink) {}

  void write(const Job& job, const Completion& completion) override;
  void write_error(const Job& job, const Error& error) override;
  void flush() override { sink_.flush(); }

  // The text of a single sample while it is drawn; write() then only ends it.
  void begin_stream(const Job& job);
  void stream(std::string_view text);

 private:
  OutputSink& sink_;
  bool something_written_ = false;
  bool streaming_ = false;
  std::size_t streamed_bytes_ = 0;  // of the sample
};

/// One JSON object per line.
class JsonlWriter : public ResultWriter {
 public:
  JsonlWriter(OutputSink& sink, const Generator& generator) : sink_(sink), generator_(generator) {}

  void write(const Job& job, const Completion& completion) override;
  void write_error(const Job& job, const Error& error) override;
  void flush() override { sink_.flush(); }

 private:
  void write_line(const nlohmann::ordered_json& record);

  OutputSink& sink_;
  const Generator& generator_;
};

}  // namespace fllm::cli
