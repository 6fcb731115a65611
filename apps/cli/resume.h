// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "apps/cli/job.h"
#include "apps/cli/output_sink.h"

namespace fllm::cli {

/// What stands of an earlier run's records.
struct Resumed {
  std::int64_t records = 0;
  std::int64_t failed = 0;  // error records among them
};

/// Takes over the records of a run that was cut off, from sink.partial_path(), or those of a run that was ended by a signal,
/// or finished, from the target; and passes over the jobs they answer. A record that is not whole, or of a sample that was
/// cancelled, is cut away with all that follows. Memory does not depend on the length of either.
/// Errors: kInvalidArgument where a record has another id or prompt than the job in its place, or none is left; kIo.
[[nodiscard]] Resumed resume(OutputSink& sink, JobSource& source);

}  // namespace fllm::cli
