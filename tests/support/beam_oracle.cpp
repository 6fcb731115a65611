// SPDX-License-Identifier: Apache-2.0
#include "tests/support/beam_oracle.h"

#include <algorithm>
#include <cmath>

#include "cuda/portable/fixed_point.h"
#include "tests/support/special_floats.h"

namespace fllm::test {
namespace {

std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }

/// A launch of one row that the sampler's oracle reads; what it points to must outlive it.
struct OneRow {
  RowSampling sampling;
  SampleParams params;

  OneRow(const RowCase& row, const std::vector<float>& logits, const std::vector<std::uint32_t>& mask,
         const std::vector<std::int32_t>& bans, const std::vector<CountEntry>& counts)
      : sampling(row.sampling) {
    const auto ban_count = static_cast<std::int32_t>(row.bans.size());
    sampling.bans = {0, ban_count};
    sampling.end_ids = {ban_count, static_cast<std::int32_t>(bans.size())};
    sampling.bias = {0, static_cast<std::int32_t>(row.bias.size())};
    sampling.counts = {0, static_cast<std::int32_t>(counts.size())};
    sampling.mask_row = mask.empty() ? -1 : 0;
    params.logits = logits.data();
    params.stride = static_cast<std::int64_t>(logits.size());
    params.vocab = static_cast<std::int32_t>(logits.size());
    params.rows = 1;
    params.allow_mask = mask.data();
    params.mask_words = static_cast<std::int64_t>(mask.size());
    params.ban_ids = bans.data();
    params.bias = row.bias.data();
    params.counts = counts.data();
  }
  OneRow(const OneRow&) = delete;
  OneRow& operator=(const OneRow&) = delete;

  [[nodiscard]] OracleDistribution distribution() {
    params.sampling = &sampling;
    return oracle_distribution(LogitType::kFloat32, params, 0);
  }
};

/// Of what the row's filters keep: ln(mass / kept mass).
std::vector<float> kept_logprobs(const OracleDistribution& row) {
  std::vector<float> result;
  for (const std::uint64_t mass : row.mass) {
    result.push_back(mass > 0 ? log_mass(mass) - log_mass(row.kept_mass) : -kInfinity);
  }
  return result;
}

}  // namespace

std::int32_t BeamTables::after(std::int32_t state, std::int32_t token) const {
  for (const char byte : texts[at(token)]) state = next[at(state) * 256 + static_cast<unsigned char>(byte)];
  return state;
}

bool BeamTables::accepts_within(std::int32_t state, std::int32_t token) const {
  bool accepts_one = false;
  for (const char byte : texts[at(token)]) {
    state = next[at(state) * 256 + static_cast<unsigned char>(byte)];
    accepts_one = accepts_one || (flags[at(state)] & kStateAccepts) != 0;
  }
  return accepts_one;
}

std::vector<float> oracle_log_softmax(const std::vector<float>& logits) {
  const RowCase plain;
  const std::vector<std::int32_t> none;
  const OracleDistribution row = OneRow(plain, logits, {}, none, {}).distribution();
  std::vector<float> result(logits.size(), -kInfinity);
  const float maximum = row.raw[at(row.order[0])];
  if (maximum == -kInfinity) return result;
  if (maximum == kInfinity) {
    result[at(row.order[0])] = 0;
    return result;
  }
  const float log_total = log_mass(row.kept_mass);
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (row.raw[id] > -kInfinity) result[id] = (row.raw[id] - maximum) - log_total;
  }
  return result;
}

struct OracleBeamSearch::Candidate {
  float rank;
  std::int64_t place;  // beam * V + token
  std::size_t beam;    // of the group's live ones
  std::int32_t token;
  float logprob;
};

OracleBeamSearch::OracleBeamSearch(const BeamCase& asked, const BeamTables& tables)
    : asked_(asked),
      tables_(tables),
      width_(asked.rules.width / asked.rules.group_count),
      groups_(at(asked.rules.group_count)) {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    OracleBeam& first = groups_[g].live.emplace_back();
    first.slot = static_cast<std::int32_t>(g) * width_;
    first.mask_state = asked.rules.mask_start;
    first.stop_state = asked.rules.stop_start;
    if (asked.constraint != nullptr) first.constraint = asked.constraint->copy();
  }
}

std::vector<CountEntry> OracleBeamSearch::counts(const OracleBeam& beam) const {
  std::vector<CountEntry> counts = asked_.row.counts;
  if (!asked_.histories) return counts;
  for (const std::int32_t token : beam.tokens) {
    auto entry = std::find_if(counts.begin(), counts.end(), [&](const CountEntry& e) { return e.id == token; });
    if (entry == counts.end()) {
      if (counts.size() == at(asked_.history_capacity)) continue;
      entry = counts.insert(entry, {token, 0, 1});
    }
    entry->repeated = 1;
    entry->output_count = entry->output_count + 1;
  }
  return counts;
}

std::vector<float> OracleBeamSearch::logprobs(const OracleBeam& beam) const {
  const BeamRules& rules = asked_.rules;
  std::vector<float> logits = asked_.model(beam.tokens);
  if (rules.edits_after_softmax != 0) logits = oracle_log_softmax(logits);

  std::vector<std::uint32_t> mask = asked_.row.mask;
  if (beam.mask_state >= 0) {
    const std::int32_t mask_row = tables_.mask_rows[at(beam.mask_state)];
    mask = mask_row >= 0 ? tables_.masks[at(mask_row)] : std::vector<std::uint32_t>{};
  }
  if (beam.constraint != nullptr) {
    mask.resize((logits.size() + 31) / 32);
    beam.constraint->fill_mask(mask);
  }
  std::vector<std::int32_t> bans = asked_.row.bans;
  bans.insert(bans.end(), asked_.row.end_ids.begin(), asked_.row.end_ids.end());
  const std::vector<CountEntry> history = counts(beam);
  OneRow one(asked_.row, logits, mask, bans, history);
  one.sampling.generated = steps_;
  one.sampling.min_tokens = min_tokens_for_ends(beam);
  const OracleDistribution row = one.distribution();
  if (rules.sampled != 0) return kept_logprobs(row);
  return rules.edits_after_softmax != 0 ? row.edited : oracle_log_softmax(row.edited);
}

std::int32_t OracleBeamSearch::min_tokens_for_ends(const OracleBeam& beam) const {
  const bool frees = beam.mask_state >= 0 && (tables_.flags[at(beam.mask_state)] & kStateFreesEnds) != 0;
  const bool must_end = beam.constraint != nullptr && beam.must_end();
  return frees || must_end ? 0 : asked_.row.sampling.min_tokens;
}

float OracleBeamSearch::noise(const OracleBeam& beam, std::int32_t token) const {
  RandomCounter counter = asked_.row.sampling.random;
  counter.position += static_cast<std::uint32_t>(steps_);
  counter.sample += static_cast<std::uint32_t>(beam.slot);
  counter.stream = RandomStream::kBeam;
  counter.block = static_cast<std::uint32_t>(token);
  const std::uint64_t bits = oracle_random_bits(asked_.row.sampling.seed, counter) >> 24;
  const float exponential = -log_mass(std::max<std::uint64_t>(bits, 1));
  const auto units = static_cast<std::uint64_t>(std::ldexp(static_cast<double>(exponential), 40));
  return -log_mass(std::max<std::uint64_t>(units, 1));
}

std::vector<OracleBeamSearch::Candidate> OracleBeamSearch::candidates(const Group& group,
                                                                      const std::vector<std::int32_t>& taken) const {
  const BeamRules& rules = asked_.rules;
  std::vector<Candidate> found;
  for (std::size_t k = 0; k < group.live.size(); ++k) {
    const OracleBeam& beam = group.live[k];
    const std::vector<float> row = logprobs(beam);
    for (std::int32_t token = 0; token < asked_.vocab; ++token) {
      float rank = beam.cum + row[at(token)];
      if (rank == -kInfinity) continue;
      if (rules.sampled != 0) rank = rank + noise(beam, token);
      const auto count = std::count(taken.begin(), taken.end(), token);
      if (count > 0) rank = std::fma(-rules.diversity_penalty, static_cast<float>(count), rank);
      if (rank == -kInfinity) continue;
      found.push_back({rank, std::int64_t{beam.slot} * asked_.vocab + token, k, token, row[at(token)]});
    }
  }
  std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return a.rank > b.rank || (a.rank == b.rank && a.place < b.place);
  });
  const std::size_t wanted = at(rules.candidate_count / rules.group_count);
  if (found.size() > wanted) found.resize(wanted);
  return found;
}

OracleBeam OracleBeamSearch::grown(const Group& group, const Candidate& candidate) const {
  OracleBeam beam = group.live[candidate.beam];
  beam.parent = beam.slot;
  beam.tokens.push_back(candidate.token);
  beam.logprobs.push_back(candidate.logprob);
  beam.cum = beam.cum + candidate.logprob;
  if (beam.mask_state >= 0) beam.mask_state = tables_.after(beam.mask_state, candidate.token);
  if (beam.stop_state >= 0) beam.stop_state = tables_.after(beam.stop_state, candidate.token);
  if (beam.constraint != nullptr) {
    beam.constraint = beam.constraint->copy();
    beam.constraint->advance(candidate.token);
  }
  return beam;
}

BeamEnd OracleBeamSearch::end_of(const OracleBeam& parent, const OracleBeam& beam) const {
  const auto& end_ids = asked_.row.end_ids;
  const std::int32_t token = beam.tokens.back();
  if (steps_ >= min_tokens_for_ends(parent) && std::find(end_ids.begin(), end_ids.end(), token) != end_ids.end()) {
    return BeamEnd::kEndToken;
  }
  const bool stops = parent.stop_state >= 0 && tables_.accepts_within(parent.stop_state, token);
  if (steps_ >= asked_.row.sampling.min_tokens && stops) return BeamEnd::kStopString;
  const bool ends = beam.mask_state >= 0 && (tables_.flags[at(beam.mask_state)] & kStateEnds) != 0;
  const bool whole = beam.constraint != nullptr && !asked_.can_draw_end && beam.must_end();
  if (ends || whole) return BeamEnd::kWhole;
  return steps_ + 1 == asked_.rules.max_length ? BeamEnd::kLength : BeamEnd::kNone;
}

void OracleBeamSearch::enter(Group& group, const OracleBeam& beam, BeamEnd end) const {
  const float score = beam.cum / norm(static_cast<std::int32_t>(beam.tokens.size()));
  const auto place = std::find_if(group.pool.begin(), group.pool.end(),
                                  [&](const OracleHypothesis& other) { return other.score < score; });
  group.pool.insert(place, {score, beam.cum, beam.tokens, beam.logprobs, end, beam.parent});
  if (group.pool.size() > at(width_)) group.pool.pop_back();
}

void OracleBeamSearch::step_group(std::int32_t index, std::vector<std::int32_t>& taken) {
  Group& group = groups_[at(index)];
  std::vector<OracleBeam> next;
  std::vector<std::int32_t> goes_on;  // tokens with which it goes on, or would if there were room
  const std::vector<Candidate> best = candidates(group, taken);
  for (std::size_t rank = 0; rank < best.size(); ++rank) {
    OracleBeam beam = grown(group, best[rank]);
    const BeamEnd end = end_of(group.live[best[rank].beam], beam);
    if ((end == BeamEnd::kNone || end == BeamEnd::kLength) && goes_on.size() < at(width_)) {
      goes_on.push_back(best[rank].token);
    }
    if (end != BeamEnd::kNone) {
      if (rank == 0) leader_ended_ = true;
      if (rank < at(width_)) enter(group, beam, end);
    } else if (next.size() < at(width_)) {
      beam.slot = index * width_ + static_cast<std::int32_t>(next.size());
      beam.slots.push_back(beam.slot);
      next.push_back(std::move(beam));
    }
  }
  group.live = std::move(next);
  taken.insert(taken.end(), goes_on.begin(), goes_on.end());
}

bool OracleBeamSearch::over(const Group& group) const {
  const BeamRules& rules = asked_.rules;
  if (group.live.empty()) return true;
  if (rules.stop == BeamStop::kLeader) return leader_ended_ && group.pool.size() >= at(rules.stop_count);
  if (rules.stop == BeamStop::kNeverEarly || group.pool.size() < at(width_)) return false;
  if (rules.stop == BeamStop::kFirstK) return true;
  float best = -kInfinity;
  for (const OracleBeam& beam : group.live) best = std::max(best, beam.cum);
  const float worst = group.pool.back().score;
  if (rules.stop == BeamStop::kHeuristic) return best / norm(steps_) <= worst;
  return std::max(best / norm(steps_ + 1), best / norm(rules.max_length)) <= worst;
}

void OracleBeamSearch::step() {
  std::vector<std::int32_t> taken;
  for (std::int32_t g = 0; g < asked_.rules.group_count; ++g) step_group(g, taken);
  ++steps_;
  done_ = true;
  for (Group& group : groups_) {
    if (over(group)) group.live.clear();
    done_ = done_ && group.live.empty();
  }
}

void OracleBeamSearch::run() {
  while (!done_) step();
}

std::vector<OracleBeam> OracleBeamSearch::live() const {
  std::vector<OracleBeam> all;
  for (const Group& group : groups_) all.insert(all.end(), group.live.begin(), group.live.end());
  return all;
}

const std::vector<OracleHypothesis>& OracleBeamSearch::pool(std::int32_t group) const {
  return groups_[at(group)].pool;
}

std::vector<OracleHypothesis> OracleBeamSearch::result() const {
  std::vector<OracleHypothesis> all;
  for (const Group& group : groups_) all.insert(all.end(), group.pool.begin(), group.pool.end());
  std::stable_sort(all.begin(), all.end(),
                   [](const OracleHypothesis& a, const OracleHypothesis& b) { return a.score > b.score; });
  return all;
}

std::vector<std::int32_t> OracleBeamSearch::proven() const {
  const std::vector<OracleHypothesis> finished = result();
  std::vector<std::vector<std::int32_t>> open;
  if (!finished.empty()) open.push_back(finished[0].tokens);
  for (const OracleBeam& beam : live()) open.push_back(beam.tokens);
  if (open.empty()) return {};
  std::size_t agreed = open[0].size();
  for (const auto& tokens : open) {
    const auto differ = std::mismatch(open[0].begin(), open[0].end(), tokens.begin(), tokens.end()).first;
    agreed = std::min(agreed, static_cast<std::size_t>(differ - open[0].begin()));
  }
  open[0].resize(agreed);
  return open[0];
}

std::int32_t OracleBeamSearch::frozen() const {
  const std::vector<OracleBeam> beams = live();
  std::int32_t count = 0;
  const auto agree = [&](const OracleBeam& beam) { return beam.slots[at(count)] == beams[0].slots[at(count)]; };
  while (!beams.empty() && count < steps_ && std::all_of(beams.begin(), beams.end(), agree)) ++count;
  return count;
}

std::vector<float> gnmt_norms(std::int32_t max_length, double alpha) {
  std::vector<float> norms;
  for (std::int32_t n = 0; n <= max_length; ++n) norms.push_back(static_cast<float>(std::pow((5.0 + n) / 6.0, alpha)));
  return norms;
}

std::vector<float> power_norms(std::int32_t max_length, double alpha) {
  std::vector<float> norms;
  for (std::int32_t n = 0; n <= max_length; ++n) {
    norms.push_back(n > 0 ? static_cast<float>(std::pow(n, alpha)) : 1.0f);
  }
  return norms;
}

std::vector<float> no_norms(std::int32_t max_length) { return std::vector<float>(at(max_length + 1), 1.0f); }

std::int32_t candidate_count(std::int32_t width, std::size_t end_ids) {
  return width == 1 ? 1 : width * (1 + static_cast<std::int32_t>(end_ids));
}

}  // namespace fllm::test
