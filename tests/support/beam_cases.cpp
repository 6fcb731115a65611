// SPDX-License-Identifier: Apache-2.0
#include "tests/support/beam_cases.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "tests/support/special_floats.h"

namespace fllm::test {
namespace {

/// Finaliser of SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15u;

}  // namespace

TableModel table_model(const TableShape& shape) {
  return [shape](const std::vector<std::int32_t>& generated) {
    const auto length = static_cast<std::int32_t>(generated.size());
    const std::int32_t first = shape.order < 0 ? 0 : std::max(0, length - shape.order);
    std::uint64_t context = shape.seed * kStep;
    for (std::int32_t i = first; i < length; ++i) {
      context = mixed(context + kStep * static_cast<std::uint64_t>(generated[static_cast<std::size_t>(i)] + 2));
    }
    std::vector<float> row;
    for (std::int32_t id = 0; id < shape.vocab; ++id) {
      const std::uint64_t bits = mixed(context ^ (kStep * static_cast<std::uint64_t>(id + 1)));
      float logit = (static_cast<float>(bits >> 40) * 0x1p-23f - 1.0f) * shape.spread;
      if (shape.grid > 0) logit = std::floor(logit / shape.grid) * shape.grid;
      if (id < shape.boosted) logit += shape.boost;
      if (shape.dead_share > 0 && (bits & 0xffffu) % static_cast<std::uint64_t>(shape.dead_share) == 0) {
        logit = -kInfinity;
      }
      row.push_back(logit);
    }
    return row;
  };
}

TableModel step_model(std::vector<std::vector<float>> rows) {
  return [rows = std::move(rows)](const std::vector<std::int32_t>& generated) {
    return rows[std::min(generated.size(), rows.size() - 1)];
  };
}

BeamCase beam_case(TableModel model, std::int32_t vocab, std::int32_t width, std::int32_t ends,
                   std::int32_t max_length) {
  BeamCase asked;
  asked.vocab = vocab;
  asked.model = std::move(model);
  asked.rules.width = width;
  asked.rules.candidate_count = candidate_count(width, static_cast<std::size_t>(ends));
  asked.rules.max_length = max_length;
  asked.rules.prompt_count = 3;
  asked.row.sampling.random.position = 3;
  asked.row.end_ids.resize(static_cast<std::size_t>(ends));
  std::iota(asked.row.end_ids.begin(), asked.row.end_ids.end(), 0);
  asked.norms = gnmt_norms(max_length, 0.6);
  return asked;
}

BeamCase random_beam_case(Random& random, std::int32_t vocab, std::int32_t widest) {
  const auto number = [&random](std::int32_t count) {
    return static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(count));
  };
  TableShape shape;
  shape.vocab = vocab;
  shape.seed = random();
  shape.order = number(4) - 1;
  shape.spread = static_cast<float>(1 + number(6));
  shape.grid = number(3) == 0 ? 0.5f : 0.0f;
  shape.boosted = std::min(vocab, number(4));
  shape.boost = static_cast<float>(number(5));
  shape.dead_share = number(4) == 0 ? 3 : 0;
  const std::int32_t width = 1 + number(widest), length = 1 + number(12);
  BeamCase asked = beam_case(table_model(shape), vocab, width, std::min(vocab, number(4)), length);
  if (width > 1 && number(3) == 0) asked.rules.candidate_count = std::max(2 * width, asked.rules.candidate_count);
  const double alpha = 0.5 * (number(7) - 2);
  const std::int32_t norm = number(3);
  if (norm == 0) asked.norms = gnmt_norms(length, alpha);
  if (norm == 1) asked.norms = power_norms(length, alpha);
  if (norm == 2) asked.norms = no_norms(length);
  asked.rules.stop = static_cast<BeamStop>(number(5));
  asked.rules.stop_count = 1 + number(width);
  asked.rules.edits_after_softmax = static_cast<std::uint8_t>(number(4) == 0);
  asked.row.sampling.min_tokens = number(3);
  if (number(2) == 0) {
    asked.histories = true;
    asked.row.sampling.repetition_penalty = 1.25f;
    asked.row.sampling.frequency_penalty = 0.5f;
    asked.row.sampling.presence_penalty = 0.25f;
    asked.row.counts = {{0, 0, 1}};
  }
  if (number(3) == 0) asked.row.bias = {{vocab - 1, 1.5f}};
  if (number(3) == 0) asked.row.bans = {number(vocab)};
  return asked;
}

BeamTables letters(std::int32_t vocab) {
  BeamTables tables;
  for (std::int32_t id = 0; id < vocab; ++id) tables.texts.emplace_back(1, static_cast<char>('a' + id % 26));
  return tables;
}

std::int32_t add_stop_strings(BeamTables& tables, const std::vector<std::string>& strings) {
  std::map<std::string, std::int32_t> states;  // by what of a string has been read; in the order of the texts
  for (const std::string& text : strings) {
    for (std::size_t length = 0; length <= text.size(); ++length) states[text.substr(0, length)] = 0;
  }
  const auto first = static_cast<std::int32_t>(tables.flags.size());
  for (std::int32_t number = first; auto& [text, state] : states) state = number++;
  for (const auto& [text, state] : states) {
    for (std::int32_t byte = 0; byte < 256; ++byte) {
      const std::string longer = text + static_cast<char>(byte);
      std::size_t cut = 0;
      while (!states.contains(longer.substr(cut))) ++cut;
      tables.next.push_back(states.at(longer.substr(cut)));
    }
    bool accepts = false;
    for (const std::string& string : strings) accepts = accepts || text.ends_with(string);
    tables.flags.push_back(accepts ? kStateAccepts : 0);
    tables.mask_rows.push_back(-1);
  }
  return first;
}

std::int32_t add_masks(BeamTables& tables, const std::vector<std::vector<std::int32_t>>& masks) {
  const auto first = static_cast<std::int32_t>(tables.flags.size());
  const auto count = static_cast<std::int32_t>(masks.size());
  for (std::int32_t i = 0; i < count; ++i) {
    tables.next.insert(tables.next.end(), 256, first + (i + 1) % count);
    tables.flags.push_back(0);
    tables.mask_rows.push_back(static_cast<std::int32_t>(tables.masks.size()));
    tables.masks.push_back(mask_of(static_cast<std::int32_t>(tables.texts.size()), masks[static_cast<std::size_t>(i)]));
  }
  return first;
}

std::vector<std::uint32_t> mask_of(std::int32_t vocab, const std::vector<std::int32_t>& ids) {
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(vocab + 31) / 32);
  for (const std::int32_t id : ids) mask[static_cast<std::size_t>(id) / 32] |= std::uint32_t{1} << (id % 32);
  return mask;
}

}  // namespace fllm::test
