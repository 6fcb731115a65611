// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cuda/kernels/sample_row.h"
#include "fundamentallm/result.h"

namespace fllm {

/// Calls function with a value of the storage type: the one switch over logit types.
template <class Function>
void dispatch_logit_type(LogitType type, const Function& function) {
  switch (type) {
    case LogitType::kFloat32:
      return function(float{});
    case LogitType::kFloat16:
      return function(Half{});
    case LogitType::kBFloat16:
      return function(BFloat16{});
  }
  throw Exception(ErrorCode::kInvalidArgument,
                  "logit type " + std::to_string(static_cast<int>(type)) + ": no such type");
}

/// What the kernel relies on, as far as the host can see it. Exception(kInvalidArgument) names the field and its value.
inline void check_sample_params(const SampleParams& p, const LaunchTarget& target) {
  const auto require = [](bool ok, const char* field, std::int64_t value, const char* allowed) {
    if (!ok) {
      throw Exception(ErrorCode::kInvalidArgument,
                      std::string("sample: ") + field + " is " + std::to_string(value) + "; allowed: " + allowed);
    }
  };
  require(p.rows >= 0, "rows", p.rows, ">= 0");
  require(p.vocab >= 1 && p.vocab <= (1 << 20), "vocab", p.vocab, "[1, 1048576]");
  require(p.logits != nullptr && p.tokens != nullptr, "a null pointer among logits, tokens", 0, "both given");
  require(p.stride >= p.vocab || p.rows <= 1, "stride", p.stride, ">= vocab");
  require(p.allow_mask == nullptr || p.mask_words >= (p.vocab + 31) / 32, "mask_words", p.mask_words,
          ">= ceil(vocab / 32)");
  require(p.top_count >= 0 && p.top_count <= kMaxTopEntries, "top_count", p.top_count, "[0, 32]");
  require(p.probabilities == nullptr || p.probabilities_stride >= p.vocab || p.rows <= 1, "probabilities_stride",
          p.probabilities_stride, ">= vocab");
  require(p.proposed_details == nullptr || (p.supports != nullptr && p.details != nullptr),
          "proposed_details without supports or details", 0, "all given");
  const SequenceTable& sequences = p.filters.sequences;
  require(sequences.slot_count >= 0, "sequences.slot_count", sequences.slot_count, ">= 0");
  require(sequences.capacity >= 0, "sequences.capacity", sequences.capacity, ">= 0");
  require(sequences.tokens == nullptr || sequences.lengths != nullptr, "sequences.tokens without lengths", 0,
          "both given");
  const bool cluster = p.blocks_per_row == 2 || p.blocks_per_row == 4 || p.blocks_per_row == 8;
  require(p.blocks_per_row == 0 || p.blocks_per_row == 1 || (cluster && p.blocks_per_row <= target.max_cluster),
          "blocks_per_row", p.blocks_per_row, "0, 1, and 2, 4 or 8 where the device has clusters of so many blocks");
  const std::int64_t scratch = sampling::scratch_elements(target, p.vocab, p.blocks_per_row);
  require(p.scratch != nullptr || scratch == 0, "a null scratch, floats needed for each row", scratch, "0");
  require(p.scratch == nullptr || p.scratch_stride >= scratch, "scratch_stride", p.scratch_stride,
          ">= Backend::sample_scratch_elements");
}

/// One launch for all rows.
template <class Executor>
void sample_rows(Executor& executor, LogitType type, const SampleParams& params) {
  check_sample_params(params, executor.target());
  dispatch_logit_type(type, [&]<class LogitT>(LogitT) {
    using Kernel = SampleRow<LogitT>;
    executor.template launch<Kernel>(Kernel::shape(params, executor.target()), params);
  });
}

}  // namespace fllm
