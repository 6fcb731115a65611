// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "apps/cli/job.h"
#include "apps/cli/progress.h"
#include "apps/cli/result_writer.h"
#include "fundamentallm/generator.h"

namespace fllm::cli {

struct BatchReport {
  std::int64_t requests = 0;
  std::int64_t failed = 0;
  std::int64_t tokens = 0;
  std::optional<Error> last_error;
  std::optional<std::uint64_t> last_seed;
};

/// Runs the jobs of a source through a generator and writes the results in their order. Input is read as it is needed, so
/// memory stays bounded, and every result is out of the program when the next step begins. A noted signal cancels what is
/// under way: results are still written up to the first that has no text.
class Batch {
 public:
  /// stream: shows the text of the one sample of the one job as it is drawn; null: not.
  Batch(Generator& generator, JobSource& source, ResultWriter& writer, Progress& progress, TextWriter* stream)
      : generator_(generator), source_(source), writer_(writer), progress_(progress), stream_(stream) {}

  BatchReport run();

 private:
  struct Pending {
    Job job;
    std::optional<RequestId> request;  // none: refused with job.error or error
    std::optional<Error> error;
    bool running = false;  // some sample has not ended
    std::int32_t tokens = 0;
  };

  [[nodiscard]] bool has_room() const;
  void admit();
  void submit(Job job);
  void advance();
  void write_finished();
  void write(Pending& pending);
  void cancel_all();
  [[nodiscard]] Progress::State progress() const;

  Generator& generator_;
  JobSource& source_;
  ResultWriter& writer_;
  Progress& progress_;
  TextWriter* stream_;
  std::deque<Pending> pending_;  // in the order of the input; written from the front
  std::unordered_map<std::uint64_t, Pending*> by_request_;
  std::int64_t pending_samples_ = 0;
  std::size_t pending_bytes_ = 0;
  bool at_end_ = false;
  bool cancelled_ = false;
  bool ended_ = false;              // by a signal: a job had not begun, and what comes after it leaves no record either
  std::int64_t written_ = 0;        // jobs
  std::int64_t written_bytes_ = 0;  // of the input, through the last one of them
  std::int64_t drawn_tokens_ = 0;
  BatchReport report_;
};

}  // namespace fllm::cli
