// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "apps/cli/job.h"
#include "apps/cli/line_reader.h"

namespace fllm::cli {

/// Requests as lines of JSON objects. Keys are the flags of generate that concern one request (dashes or underscores),
/// and "id"; they override the command line. A bad line becomes a job with an error. Blank lines are passed over.
class JsonlSource : public JobSource {
 public:
  /// Errors: kNotFound, kIo.
  JsonlSource(const std::string& path, Settings defaults);

  Status next(Job& job, bool wait) override;
  [[nodiscard]] std::int64_t size_bytes() const override { return reader_.size_bytes(); }

 private:
  void read_record(std::string_view line, Job& job) const;

  LineReader reader_;
  Settings defaults_;
  std::string line_;
  std::int64_t job_count_ = 0;
};

}  // namespace fllm::cli
