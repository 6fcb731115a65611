// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sample_batch.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

namespace fllm::test {
namespace {

std::uint16_t round_to_half(float value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(double{value});
  if (std::isnan(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  const int exponent = std::max(magnitude > 0 ? std::ilogb(magnitude) : -14, -14);
  const auto steps = static_cast<int>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));  // ties to even
  return static_cast<std::uint16_t>(sign | (((exponent + 14) << 10) + steps));
}

std::uint16_t round_to_bfloat16(float value) {
  if (std::isnan(value)) return 0x7fc0;
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

void append(std::vector<unsigned char>& bytes, LogitType type, float value) {
  const auto put = [&bytes](auto stored) {
    unsigned char raw[sizeof stored];
    std::memcpy(raw, &stored, sizeof stored);
    bytes.insert(bytes.end(), raw, raw + sizeof stored);
  };
  switch (type) {
    case LogitType::kFloat32:
      return put(value);
    case LogitType::kFloat16:
      return put(round_to_half(value));
    case LogitType::kBFloat16:
      return put(round_to_bfloat16(value));
  }
}

template <class T>
TableRange append_table(std::vector<T>& table, const std::vector<T>& entries) {
  const auto begin = static_cast<std::int32_t>(table.size());
  table.insert(table.end(), entries.begin(), entries.end());
  return {begin, static_cast<std::int32_t>(table.size())};
}

}  // namespace

SampleBatch::SampleBatch(const BatchLayout& layout)
    : layout_(layout), element_bytes_(layout.type == LogitType::kFloat32 ? 4 : 2), filters_(layout.history_capacity) {
  for (std::int32_t i = 0; i < layout.base_offset; ++i) {
    append(logits_, layout.type, std::numeric_limits<float>::quiet_NaN());
  }
}

std::size_t SampleBatch::base_bytes() const { return static_cast<std::size_t>(layout_.base_offset) * element_bytes_; }

void SampleBatch::add(std::span<const float> logits, const RowCase& row) {
  if (!sampling_.empty()) {  // no gap behind the last row: its end is the end of the memory
    for (std::int32_t i = 0; i < layout_.stride_gap; ++i) {
      append(logits_, layout_.type, std::numeric_limits<float>::quiet_NaN());
    }
  }
  for (const float l : logits) append(logits_, layout_.type, l);
  cases_.push_back(row);
  RowSampling s = row.sampling;
  s.bans = append_table(ban_ids_, row.bans);
  s.end_ids = append_table(ban_ids_, row.end_ids);
  s.bias = append_table(bias_, row.bias);
  s.counts = append_table(counts_, row.counts);
  s.mask_row = -1;
  if (!row.mask.empty()) {
    s.mask_row = static_cast<std::int32_t>(masks_.size() / row.mask.size());
    append_table(masks_, row.mask);
  }
  sampling_.push_back(s);
  uniforms_.push_back(row.uniform);
  if (layout_.history_capacity >= 0) filters_.add(row.filters);
}

SampleBatch SampleBatch::permuted(std::span<const std::int32_t> order) const {
  SampleBatch result(layout_);
  std::vector<float> logits(static_cast<std::size_t>(layout_.vocab));
  for (const std::int32_t row : order) {
    const auto* source = logits_.data() + base_bytes() + static_cast<std::size_t>(row * stride()) * element_bytes_;
    for (std::int32_t id = 0; id < layout_.vocab; ++id) {
      logits[static_cast<std::size_t>(id)] = oracle_logit(layout_.type, source, id);
    }
    result.add(logits, cases_[static_cast<std::size_t>(row)]);
  }
  return result;
}

SampleParams SampleBatch::host_params() const {
  SampleParams p;
  p.logits = logits_.data() + base_bytes();
  p.stride = stride();
  p.rows = rows();
  p.vocab = layout_.vocab;
  p.sampling = sampling_.data();
  p.allow_mask = masks_.data();
  p.mask_words = (layout_.vocab + 31) / 32 + 1;
  p.ban_ids = ban_ids_.data();
  p.bias = bias_.data();
  p.counts = counts_.data();
  p.uniforms = layout_.inject_uniforms ? uniforms_.data() : nullptr;
  p.top_count = layout_.top_count;
  if (layout_.history_capacity >= 0) p.filters = filters_.host_params();
  p.advance = layout_.advance ? 1 : 0;
  return p;
}

std::string SampleBatch::describe(std::int32_t row) const {
  const RowSampling& s = sampling_[static_cast<std::size_t>(row)];
  const char* type = layout_.type == LogitType::kFloat32   ? "fp32"
                     : layout_.type == LogitType::kFloat16 ? "fp16"
                                                           : "bf16";
  std::ostringstream text;
  text.precision(9);
  text << "row " << row << " of " << rows() << ", " << type << ", vocab " << layout_.vocab << ", offset "
       << layout_.base_offset << ", stride +" << layout_.stride_gap << ": temperature " << s.temperature << ", top_k "
       << s.top_k << ", top_p " << (s.top_p_on != 0 ? s.top_p * 0x1p-32 : 1.0) << ", min_mass " << s.min_mass
       << ", repetition " << s.repetition_penalty << ", frequency " << s.frequency_penalty << ", presence "
       << s.presence_penalty << ", " << s.bans.end - s.bans.begin << " bans, " << s.end_ids.end - s.end_ids.begin
       << " end ids (" << s.generated << "/" << s.min_tokens << "), " << s.bias.end - s.bias.begin << " biases, "
       << s.counts.end - s.counts.begin << " counts, " << (s.mask_row >= 0 ? "mask" : "no mask") << ", uniform "
       << std::hex
       << (layout_.inject_uniforms ? uniforms_[static_cast<std::size_t>(row)] : oracle_random_bits(s.seed, s.random));
  if (layout_.history_capacity >= 0) text << ", " << cases_[static_cast<std::size_t>(row)].filters.describe();
  return text.str();
}

}  // namespace fllm::test
