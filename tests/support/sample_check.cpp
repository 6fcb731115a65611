// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "tests/support/filter_tables.h"
#include "tests/support/guarded_array.h"
#include "tests/support/oracle_filters.h"
#include "tests/support/sample_batch.h"

namespace fllm::test {
namespace {

/// Inputs end where their allocation ends, so that a sanitizer sees a read past them.
template <class T>
DeviceArray<T> uploaded(Backend& backend, const T* values, std::size_t count) {
  DeviceArray<T> array(backend, std::max<std::size_t>(count, 1));
  array.upload({values, count});
  return array;
}

struct TableSizes {
  std::size_t bans = 0, bias = 0, counts = 0, masks = 0;
};

TableSizes table_sizes(const SampleParams& host) {
  TableSizes sizes;
  for (std::int32_t row = 0; row < host.rows; ++row) {
    const RowSampling& s = host.sampling[row];
    sizes.bans = std::max({sizes.bans, static_cast<std::size_t>(s.bans.end), static_cast<std::size_t>(s.end_ids.end)});
    sizes.bias = std::max(sizes.bias, static_cast<std::size_t>(s.bias.end));
    sizes.counts = std::max(sizes.counts, static_cast<std::size_t>(s.counts.end));
    sizes.masks = std::max(sizes.masks, static_cast<std::size_t>((s.mask_row + 1) * host.mask_words));
  }
  return sizes;
}

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

/// Whether the row's history has no room for its token.
bool is_full(const SampleBatch& batch, std::int32_t row) {
  if (batch.layout().history_capacity < 0 || !batch.layout().advance) return false;
  const FilterTables& filters = batch.filters();
  return filters.has_slot(row) && filters.state().lengths[at(filters.slot_of(row))] >= filters.capacity();
}

/// What the launch did to the histories, and mirostat's state after it: bits.
void check_state(const SampleBatch& batch, const SampleOutput& got) {
  SequenceState want = batch.filters().state();
  const SampleParams host = batch.host_params();
  for (std::int32_t row = 0; batch.layout().advance && row < batch.rows(); ++row) {
    if (!batch.filters().has_slot(row)) continue;
    const std::int32_t slot = batch.filters().slot_of(row), token = got.tokens[at(row)];
    if (!is_full(batch, row)) {
      const std::int32_t length = std::max(want.lengths[at(slot)], 0);
      want.tokens[at(std::int64_t{slot} * batch.filters().capacity() + length)] = token;
      want.lengths[at(slot)] = length + 1;
    }
    const OracleDistribution distribution = oracle_distribution(batch.layout().type, host, row);
    const RowFilters& filters = host.filters.rows[row];
    if (!(filters.mirostat_tau > 0) || distribution.greedy || distribution.kept_count == 0) continue;
    want.mus[at(slot)] =
        oracle_next_mu(filters, oracle_mu(host, row), distribution.mass[at(token)], distribution.kept_mass);
  }
  EXPECT_EQ(got.state.tokens, want.tokens);
  EXPECT_EQ(got.state.lengths, want.lengths);
  for (std::size_t slot = 0; slot < want.mus.size(); ++slot) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(got.state.mus[slot]), std::bit_cast<std::uint32_t>(want.mus[slot]))
        << "mu of slot " << slot << ": got " << got.state.mus[slot] << ", want " << want.mus[slot];
  }
}

void check_row(const SampleBatch& batch, const SampleOutput& got, std::int32_t row) {
  const OracleRow want = batch.oracle(row);
  const BatchLayout& layout = batch.layout();
  const long double offset = want.kept_mass > 0 ? std::log(want.kept_mass * 0x1p-40L) : 0;
  EXPECT_EQ(got.tokens[at(row)], want.token);
  if (layout.want_status) {
    EXPECT_EQ(got.status[at(row)], want.status | (is_full(batch, row) ? kSampleFull : kSampleOk));
  }
  if (layout.want_details) {
    const SampleDetail& detail = got.details[at(row)];
    EXPECT_EQ(detail.rank, want.rank);
    EXPECT_EQ(detail.kept_count, want.kept_count);
    EXPECT_EQ(detail.kept_mass, want.kept_mass);
    EXPECT_TRUE(close_logprob(detail.raw_logprob, want.raw_logprob, 0)) << "raw log-probability";
    EXPECT_TRUE(close_logprob(detail.processed_logprob, want.processed_logprob, offset)) << "processed log-probability";
  }
  for (std::int32_t i = 0; i < layout.top_count; ++i) {
    const TopEntry& top = got.top[at(std::int64_t{row} * layout.top_count + i)];
    const OracleTop& expected = want.top[at(i)];
    EXPECT_EQ(top.id, expected.id) << "top entry " << i;
    EXPECT_TRUE(close_logprob(top.raw_logprob, expected.raw_logprob, 0)) << "raw, top entry " << i;
    EXPECT_TRUE(close_logprob(top.processed_logprob, expected.processed_logprob, offset))
        << "processed, top entry " << i;
  }
  for (std::int32_t id = 0; layout.want_probabilities && id < layout.vocab; ++id) {
    const float probability = got.probabilities[at(row * batch.probabilities_stride() + id)];
    EXPECT_EQ(probability, want.probabilities[at(id)]) << "probability of id " << id;
    if (probability != want.probabilities[at(id)]) break;
  }
}

}  // namespace

::testing::AssertionResult close_logprob(float got, long double want, long double offset) {
  if (std::isinf(want) || std::isinf(got)) {
    const bool overflowed = want < 0 && want <= -static_cast<long double>(std::numeric_limits<float>::max());
    if (overflowed && got == -std::numeric_limits<float>::infinity()) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "got " << got << ", want " << static_cast<double>(want);
  }
  const long double tolerance = 4e-7L + std::fabs(want) * 2.4e-7L + std::fabs(offset) * 2.4e-7L;
  if (std::fabs(got - want) <= tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "got " << got << ", want " << static_cast<double>(want) << " within "
                                       << static_cast<double>(tolerance);
}

SampleOutput run_batch(Backend& backend, const SampleBatch& batch, const Adjust& adjust) {
  const BatchLayout& layout = batch.layout();
  const SampleParams host = batch.host_params();
  const TableSizes sizes = table_sizes(host);
  const std::size_t rows = at(host.rows);
  const auto logits = uploaded(backend, batch.logit_bytes().data(), batch.logit_bytes().size());
  const auto sampling = uploaded(backend, host.sampling, rows);
  const auto masks = uploaded(backend, host.allow_mask, sizes.masks);
  const auto bans = uploaded(backend, host.ban_ids, sizes.bans);
  const auto bias = uploaded(backend, host.bias, sizes.bias);
  const auto counts = uploaded(backend, host.counts, sizes.counts);
  const auto uniforms = uploaded(backend, host.uniforms, host.uniforms != nullptr ? rows : 0);

  const std::int64_t scratch_stride = backend.sample_scratch_elements(host.vocab, host.blocks_per_row);
  const GuardedArray<float> scratch(backend, rows * at(scratch_stride));
  const GuardedArray<std::int32_t> tokens(backend, rows);
  const GuardedArray<std::uint32_t> status(backend, layout.want_status ? rows : 0);
  const GuardedArray<SampleDetail> details(backend, layout.want_details ? rows : 0);
  const GuardedArray<TopEntry> top(backend, rows * at(layout.top_count));
  const GuardedArray<float> probabilities(backend,
                                          layout.want_probabilities ? rows * at(batch.probabilities_stride()) : 0);

  std::optional<DeviceFilters> filters;
  if (layout.history_capacity >= 0) filters.emplace(backend, batch.filters());

  SampleParams params = host;
  params.logits = logits.data() + batch.base_bytes();
  params.sampling = sampling.data();
  params.allow_mask = masks.data();
  params.ban_ids = bans.data();
  params.bias = bias.data();
  params.counts = counts.data();
  params.filters = filters ? filters->params() : FilterParams{};
  params.uniforms = host.uniforms != nullptr ? uniforms.data() : nullptr;
  params.scratch = scratch_stride > 0 ? scratch.data() : nullptr;
  params.scratch_stride = scratch_stride;
  params.tokens = tokens.data();
  params.status = layout.want_status ? status.data() : nullptr;
  params.details = layout.want_details ? details.data() : nullptr;
  params.top = layout.top_count > 0 ? top.data() : nullptr;
  params.probabilities = layout.want_probabilities ? probabilities.data() : nullptr;
  params.probabilities_stride = batch.probabilities_stride();
  if (adjust) adjust(params);
  backend.sample(layout.type, params);

  SampleOutput output;
  output.tokens = tokens.download("tokens");
  output.status = status.download("status");
  output.details = details.download("details");
  output.top = top.download("top");
  output.probabilities = probabilities.download("probabilities");
  (void)scratch.download("scratch");
  if (filters) output.state = filters->download();
  for (std::size_t i = 0; i < output.probabilities.size(); ++i) {
    if (at(static_cast<std::int64_t>(i) % batch.probabilities_stride()) < at(layout.vocab)) continue;
    std::uint32_t bits;
    std::memcpy(&bits, &output.probabilities[i], sizeof bits);
    EXPECT_EQ(bits, 0xA5A5A5A5u) << "the gap between rows of probabilities was written at " << i;
  }
  return output;
}

void expect_oracle(Backend& backend, const SampleBatch& batch, const Adjust& adjust) {
  const SampleOutput output = run_batch(backend, batch, adjust);
  for (std::int32_t row = 0; row < batch.rows(); ++row) {
    SCOPED_TRACE(batch.describe(row));
    check_row(batch, output, row);
    if (::testing::Test::HasFailure()) return;  // one row tells enough
  }
  if (batch.layout().history_capacity >= 0) check_state(batch, output);
}

bool same_row(const SampleBatch& batch, const SampleOutput& a, std::int32_t a_row, const SampleOutput& b,
              std::int32_t b_row) {
  const auto equal = [a_row, b_row](const auto& x, const auto& y, std::int64_t width) {
    if (x.empty() || y.empty()) return x.empty() == y.empty();
    return std::memcmp(&x[at(a_row * width)], &y[at(b_row * width)], at(width) * sizeof x[0]) == 0;
  };
  const auto same_mu = [&] {
    if (batch.layout().history_capacity < 0) return true;
    const auto bits = [&](const SampleOutput& output, std::int32_t row) {
      return std::bit_cast<std::uint32_t>(output.state.mus[at(batch.filters().slot_of(row))]);
    };
    return bits(a, a_row) == bits(b, b_row);
  };
  return same_mu() && equal(a.tokens, b.tokens, 1) && equal(a.status, b.status, 1) && equal(a.details, b.details, 1) &&
         equal(a.top, b.top, batch.layout().top_count) &&
         equal(a.probabilities, b.probabilities, batch.probabilities_stride());
}

}  // namespace fllm::test
