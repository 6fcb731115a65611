// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cuda/kernels/beam_params.h"
#include "host/constraint/constraint.h"
#include "tests/support/sample_batch.h"

// A plain restatement of docs/beam_search.md: every beam has its own list of tokens, every candidate is sorted. It shares
// log_mass and exp2_shared with the kernels, since those bits are what a log-probability is defined by.
namespace fllm::test {

/// Logits of the row behind the generated tokens: [vocab].
using TableModel = std::function<std::vector<float>(const std::vector<std::int32_t>& generated)>;

/// Byte automata and masks, of all searches of a batch.
struct BeamTables {
  std::vector<std::int32_t> next;                 // [states, 256]
  std::vector<std::int32_t> mask_rows;            // [states]; -1: everything is allowed
  std::vector<std::uint8_t> flags;                // [states] of StateFlag
  std::vector<std::vector<std::uint32_t>> masks;  // [mask rows][words]
  std::vector<std::string> texts;                 // [vocab]: the tokens' bytes

  /// The state behind a token's bytes.
  [[nodiscard]] std::int32_t after(std::int32_t state, std::int32_t token) const;
  /// Whether a state behind one of its bytes accepts.
  [[nodiscard]] bool accepts_within(std::int32_t state, std::int32_t token) const;
};

/// One search: what is asked for, and of which model.
struct BeamCase {
  std::int32_t vocab = 1;
  BeamRules rules;           // first_norm, first_row, first_slot are the device's business
  std::vector<float> norms;  // [max_length + 1]
  TableModel model;
  RowCase row;             // edits, and of drawn searches temperature and filters. counts: of the prompt
  bool histories = false;  // the row's counts go on with the beams' tokens
  std::int32_t history_capacity = 64;
  // What the host's rules say of the output, in place of rules.mask_start; null: nothing.
  std::shared_ptr<const SampleConstraint> constraint;
  bool can_draw_end = true;  // some end token is not banned
};

struct OracleBeam {
  std::int32_t slot = 0;
  std::int32_t parent = 0;  // slot in the step before
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> slots;  // in each step
  std::vector<float> logprobs;
  float cum = 0;
  std::int32_t mask_state = -1;
  std::int32_t stop_state = -1;
  std::shared_ptr<SampleConstraint> constraint;

  /// Whether nothing but an end may follow.
  [[nodiscard]] bool must_end() const { return constraint->may_end() && !constraint->can_go_on(); }
};

struct OracleHypothesis {
  float score = 0;
  float cum = 0;
  std::vector<std::int32_t> tokens;
  std::vector<float> logprobs;
  BeamEnd end = BeamEnd::kNone;
  std::int32_t beam = 0;  // slot it goes on from
};

class OracleBeamSearch {
 public:
  /// Both must outlive the search.
  OracleBeamSearch(const BeamCase& asked, const BeamTables& tables);

  /// One token more. Precondition: !done().
  void step();
  void run();  // to the end

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] std::int32_t steps() const { return steps_; }
  /// Of all groups, by slot.
  [[nodiscard]] std::vector<OracleBeam> live() const;
  /// Of a group, best first.
  [[nodiscard]] const std::vector<OracleHypothesis>& pool(std::int32_t group) const;
  /// Of all groups, best first.
  [[nodiscard]] std::vector<OracleHypothesis> result() const;
  /// The first tokens on which all live beams and the best hypothesis agree; all of the best one's when done.
  [[nodiscard]] std::vector<std::int32_t> proven() const;
  /// Leading steps in which all live beams have the same slot.
  [[nodiscard]] std::int32_t frozen() const;
  /// What the penalties of a beam count, in the order of first occurrence.
  [[nodiscard]] std::vector<CountEntry> counts(const OracleBeam& beam) const;

 private:
  struct Candidate;
  struct Group {
    std::vector<OracleBeam> live;
    std::vector<OracleHypothesis> pool;
  };
  [[nodiscard]] std::vector<float> logprobs(const OracleBeam& beam) const;
  [[nodiscard]] float noise(const OracleBeam& beam, std::int32_t token) const;
  [[nodiscard]] std::vector<Candidate> candidates(const Group& group, const std::vector<std::int32_t>& taken) const;
  /// How a beam that has just grown ends.
  [[nodiscard]] BeamEnd end_of(const OracleBeam& parent, const OracleBeam& beam) const;
  /// What a beam has at least before an end token is one.
  [[nodiscard]] std::int32_t min_tokens_for_ends(const OracleBeam& beam) const;
  [[nodiscard]] OracleBeam grown(const Group& group, const Candidate& candidate) const;
  void enter(Group& group, const OracleBeam& beam, BeamEnd end) const;
  void step_group(std::int32_t index, std::vector<std::int32_t>& taken);
  [[nodiscard]] bool over(const Group& group) const;
  [[nodiscard]] float norm(std::int32_t length) const { return asked_.norms[static_cast<std::size_t>(length)]; }

  const BeamCase& asked_;
  const BeamTables& tables_;
  std::int32_t width_;  // of a group
  std::vector<Group> groups_;
  std::int32_t steps_ = 0;
  bool leader_ended_ = false;
  bool done_ = false;
};

/// The log-probabilities of a row: log-softmax, from integer masses, of edited logits. Forbidden ids have -inf.
[[nodiscard]] std::vector<float> oracle_log_softmax(const std::vector<float>& logits);

/// [max_length + 1] of ((5 + n) / 6)^alpha, n^alpha and 1. Length 0 does not occur.
[[nodiscard]] std::vector<float> gnmt_norms(std::int32_t max_length, double alpha);
[[nodiscard]] std::vector<float> power_norms(std::int32_t max_length, double alpha);
[[nodiscard]] std::vector<float> no_norms(std::int32_t max_length);

/// C of a search with K beams: (1 + end ids) K, but 1 of a single beam.
[[nodiscard]] std::int32_t candidate_count(std::int32_t width, std::size_t end_ids);

}  // namespace fllm::test
