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
inline void check_sample_params(const SampleParams& p) {
  const auto require = [](bool ok, const char* field, std::int64_t value, const char* allowed) {
    if (!ok) {
      throw Exception(ErrorCode::kInvalidArgument,
                      std::string("sample: ") + field + " is " + std::to_string(value) + "; allowed: " + allowed);
    }
  };
  require(p.rows >= 0, "rows", p.rows, ">= 0");
  require(p.vocab >= 1 && p.vocab <= (1 << 20), "vocab", p.vocab, "[1, 1048576]");
  require(p.logits != nullptr && p.sampling != nullptr && p.tokens != nullptr,
          "a null pointer among logits, sampling, tokens", 0, "all three given");
  require(p.stride >= p.vocab || p.rows <= 1, "stride", p.stride, ">= vocab");
  require(p.allow_mask == nullptr || p.mask_words >= (p.vocab + 31) / 32, "mask_words", p.mask_words,
          ">= ceil(vocab / 32)");
  require(p.top_count >= 0 && p.top_count <= kMaxTopEntries, "top_count", p.top_count, "[0, 32]");
  require(p.probabilities == nullptr || p.probabilities_stride >= p.vocab || p.rows <= 1, "probabilities_stride",
          p.probabilities_stride, ">= vocab");
  require(p.scratch == nullptr || p.scratch_stride >= sampling::scratch_elements(p.vocab), "scratch_stride",
          p.scratch_stride, ">= twice the padded vocabulary");
}

/// One launch for all rows.
template <class Executor>
void sample_rows(Executor& executor, LogitType type, const SampleParams& params) {
  check_sample_params(params);
  dispatch_logit_type(type, [&]<class LogitT>(LogitT) {
    using Kernel = SampleRow<LogitT>;
    executor.template launch<Kernel>(Kernel::shape(params), params);
  });
}

}  // namespace fllm
