// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/support/draft_cases.h"
#include "tests/support/draft_suite.h"
#include "tests/support/g_test.h"
#include "tests/support/guarded_array.h"

namespace fllm::test {
namespace {

constexpr std::int32_t kIds = 6;
constexpr std::size_t kDrafts = 3;
using Tokens = std::vector<std::int32_t>;

/// What comes after some tokens, by the target and by the draft.
struct Context {
  LogitRow target;
  LogitRow draft;
  OracleMasses p;
  OracleMasses q;
  OracleResidual residual;
};

/// Rows of every context of up to kDrafts tokens; chosen: the draft is one id of each, whatever its row says.
class Contexts {
 public:
  Contexts(bool chosen, Random& random) : chosen_(chosen) { add({}, random); }

  [[nodiscard]] bool chosen() const { return chosen_; }
  [[nodiscard]] const std::map<Tokens, Context>& all() const { return contexts_; }
  /// In front of token i of a sequence.
  [[nodiscard]] const Context& before(const Tokens& sequence, std::size_t i) const {
    return contexts_.at({sequence.begin(), sequence.begin() + static_cast<std::ptrdiff_t>(i)});
  }

 private:
  void add(const Tokens& tokens, Random& random) {
    Context context;
    const auto row = [&] {
      LogitRow made;
      for (std::int32_t id = 0; id < kIds; ++id) made.logits.push_back(4 * unit_float(random) - 2);
      RowSampling& s = made.parameters.sampling;
      s.temperature = 0.5f + unit_float(random);
      if (random() % 4 == 0) s.top_k = 2 + static_cast<std::int32_t>(random() % 3);
      if (random() % 4 == 0) set_top_p(s, 0.8);
      if (random() % 4 == 0) made.parameters.bans = {static_cast<std::int32_t>(random() % kIds)};
      return made;
    };
    context.target = row();
    context.draft = random() % 8 == 0 ? context.target : row();
    context.p = masses_of(context.target);
    context.q = chosen_ ? one_id(static_cast<std::int32_t>(random() % kIds), kIds) : masses_of(context.draft);
    context.residual = oracle_residual(context.p, context.q);
    contexts_[tokens] = context;
    for (std::int32_t id = 0; id < kIds && tokens.size() < kDrafts; ++id) {
      Tokens longer = tokens;
      longer.push_back(id);
      add(longer, random);
    }
  }

  bool chosen_;
  std::map<Tokens, Context> contexts_;
};

Natural smaller(const Natural& a, const Natural& b) { return a < b ? a : b; }

/// That an id is drafted and accepted: min(p, q).
Fraction accepted(const Context& c, std::size_t id) {
  const Natural p = Natural{c.p.mass[id]} * c.q.total, q = Natural{c.q.mass[id]} * c.p.total;
  return {smaller(p, q), Natural{c.p.total} * c.q.total};
}

/// That any id is drafted and refused, and this one drawn from the residual in its place.
Fraction replaced(const Context& c, std::size_t id) {
  Fraction refused{0, Natural{c.p.total} * c.q.total};
  for (std::size_t draft = 0; draft < c.q.mass.size(); ++draft) {
    const Natural drafted = Natural{c.q.mass[draft]} * c.p.total;
    refused.above = refused.above + (drafted - accepted(c, draft).above);
  }
  if (c.residual.total.is_zero()) return refused;  // 0 itself
  return refused * Fraction{c.residual.weight[id], c.residual.total};
}

Fraction drawn(const Context& c, std::size_t id) { return {c.p.mass[id], c.p.total}; }

void expect_sequence(const Contexts& contexts, const Tokens& sequence) {
  Fraction by_drafts, accepted_so_far{1, 1}, by_target{1, 1};
  for (std::size_t i = 0; i <= kDrafts; ++i) {
    const Context& context = contexts.before(sequence, i);
    const auto id = static_cast<std::size_t>(sequence[i]);
    Fraction ends = accepted_so_far * (i < kDrafts ? replaced(context, id) : drawn(context, id));
    for (std::size_t later = i + 1; later <= kDrafts; ++later) {  // what the target goes on with
      ends = ends * drawn(contexts.before(sequence, later), static_cast<std::size_t>(sequence[later]));
    }
    by_drafts = by_drafts + ends;
    if (i < kDrafts) accepted_so_far = accepted_so_far * accepted(context, id);
    by_target = by_target * drawn(context, id);
  }
  ASSERT_TRUE(by_drafts == by_target);
}

/// A launch that asks the kernel for the very ends of every interval of random bits, and what must come of it.
class LawProbe {
 public:
  explicit LawProbe(const Contexts& contexts) : contexts_(contexts), batch_(kIds, true) {}

  void add(const Tokens& tokens, std::int32_t draft) {
    const Context& context = contexts_.all().at(tokens);
    if (context.q.mass[static_cast<std::size_t>(draft)] == 0) return;  // never drafted
    const auto refused = first_refused(context.p, context.q, draft);
    if (!refused || *refused > 0) expect(context, draft, refused ? *refused - 1 : ~std::uint64_t{0}, 0, -1);
    if (!refused) return;
    for (std::int32_t id = 0; id < kIds; ++id) {
      const auto ends = uniforms_drawing(context.residual, id);
      if (!ends) continue;
      expect(context, draft, *refused, ends->first, id);
      expect(context, draft, ~std::uint64_t{0}, ends->last, id);
    }
  }
  void check(Backend& backend) const {
    const DraftOutput got = run_drafts(backend, batch_, false);
    for (std::size_t i = 0; i < replacements_.size(); ++i) {
      ASSERT_EQ(got.accepted_counts[i], replacements_[i] < 0 ? 1 : 0) << "probe " << i;
      ASSERT_TRUE(replacements_[i] < 0 || got.tokens[i] == replacements_[i]) << "probe " << i << ": " << got.tokens[i];
    }
  }

 private:
  /// replacement: the token in the draft's place; -1: the draft is accepted.
  void expect(const Context& context, std::int32_t draft, std::uint64_t acceptance, std::uint64_t residual,
              std::int32_t replacement) {
    DraftedSequence sequence;
    sequence.target = {context.target, context.target};
    if (!contexts_.chosen()) sequence.draft = {context.draft};
    sequence.drafts = {{draft, draft, acceptance, residual}};
    batch_.add(sequence);
    replacements_.push_back(replacement);
  }

  const Contexts& contexts_;
  DraftBatch batch_;
  std::vector<std::int32_t> replacements_;
};

void enumerate(Backend& backend, bool chosen) {
  Random random(chosen ? 47 : 46);
  const Contexts contexts(chosen, random);
  LawProbe probe(contexts);
  for (const auto& [tokens, context] : contexts.all()) {
    for (std::int32_t id = 0; id < kIds && tokens.size() < kDrafts; ++id) probe.add(tokens, id);
  }
  probe.check(backend);
  for (std::int32_t number = 0; number < kIds * kIds * kIds * kIds && !::testing::Test::HasFailure(); ++number) {
    Tokens sequence;
    for (std::int32_t rest = number; sequence.size() <= kDrafts; rest /= kIds) sequence.push_back(rest % kIds);
    expect_sequence(contexts, sequence);
  }
}

/// Many sequences whose rows are all alike and whose random bits are those of their seeds.
class Speculator {
 public:
  Speculator(Backend& backend, const std::vector<double>& p, const std::vector<double>& q, std::int32_t sequences)
      : backend_(backend),
        vocab_(static_cast<std::int32_t>(p.size())),
        sequences_(sequences),
        target_(backend, p, vocab_, sequences * kRows, RandomStream::kTarget),
        draft_(backend, q, vocab_, sequences * kRows, RandomStream::kDraft),
        rows_(backend, static_cast<std::size_t>(sequences)),
        accepted_(backend, static_cast<std::size_t>(sequences)),
        tokens_(backend, static_cast<std::size_t>(sequences)) {
    std::vector<DraftRow> rows;
    rows.reserve(static_cast<std::size_t>(sequences));
    for (std::int32_t i = 0; i < sequences; ++i) {
      rows.push_back({i * kRows, static_cast<std::int32_t>(kDrafts), i * kRows, 0});
    }
    rows_.upload(rows);
  }

  /// A whole sequence of tokens each, and how many drafts it begins with.
  struct Result {
    std::vector<Tokens> sequences;
    std::vector<std::int32_t> accepted_counts;
  };
  [[nodiscard]] Result run(std::uint64_t first_seed) {
    target_.seed(first_seed, sequences_);
    draft_.seed(first_seed, sequences_);
    backend_.sample(LogitType::kFloat32, draft_.params);
    target_.params.proposed_ids = draft_.params.tokens;  // row i's draft is what comes after logit row i
    backend_.sample(LogitType::kFloat32, target_.params);
    ResolveDraftsParams params;
    params.target = target_.params;
    params.draft = draft_.params;
    params.draft_ids = draft_.params.tokens;
    params.rows = rows_.data();
    params.row_count = sequences_;
    params.accepted_counts = accepted_.data();
    params.tokens = tokens_.data();
    backend_.resolve_drafts(LogitType::kFloat32, params);
    const Tokens drafts = draft_.tokens.download("drafts"), own = target_.tokens.download("target tokens"),
                 last = tokens_.download("tokens");
    Result result{{}, accepted_.download("accepted counts")};
    for (std::size_t i = 0; i < last.size(); ++i) {
      const std::size_t base = i * kRows, count = static_cast<std::size_t>(result.accepted_counts[i]);
      Tokens sequence(drafts.begin() + static_cast<std::ptrdiff_t>(base),
                      drafts.begin() + static_cast<std::ptrdiff_t>(base + count));
      sequence.push_back(last[i]);
      while (sequence.size() < kRows) sequence.push_back(own[base + sequence.size()]);  // the target goes on
      result.sequences.push_back(sequence);
    }
    return result;
  }
  [[nodiscard]] const OracleMasses& p() const { return target_.masses; }
  [[nodiscard]] const OracleMasses& q() const { return draft_.masses; }

 private:
  static constexpr std::int32_t kRows = static_cast<std::int32_t>(kDrafts) + 1;

  struct Side {
    Side(Backend& backend, const std::vector<double>& probabilities, std::int32_t vocab, std::int32_t rows,
         RandomStream stream_tag)
        : stream(stream_tag),
          logits(backend, static_cast<std::size_t>(rows * vocab)),
          sampling(backend, static_cast<std::size_t>(rows)),
          tokens(backend, static_cast<std::size_t>(rows)),
          supports(backend, static_cast<std::size_t>(rows)) {
      LogitRow row;
      for (const double probability : probabilities) row.logits.push_back(static_cast<float>(std::log(probability)));
      masses = masses_of(row);
      std::vector<float> all;
      for (std::int32_t i = 0; i < rows; ++i) all.insert(all.end(), row.logits.begin(), row.logits.end());
      logits.upload(all);
      params.logits = logits.data();
      params.stride = params.vocab = vocab;
      params.rows = rows;
      params.sampling = sampling.data();
      params.tokens = tokens.data();
      params.supports = supports.data();
    }
    void seed(std::uint64_t first, std::int32_t sequences) {
      std::vector<RowSampling> values(static_cast<std::size_t>(sequences * kRows));
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i].seed = first + i / kRows;
        values[i].random = {static_cast<std::uint32_t>(100 + i % kRows), 0, stream, 0};
      }
      sampling.upload(values);
    }

    RandomStream stream;
    OracleMasses masses;
    DeviceArray<float> logits;
    DeviceArray<RowSampling> sampling;
    GuardedArray<std::int32_t> tokens;
    GuardedArray<RowSupport> supports;
    SampleParams params;
  };

  Backend& backend_;
  std::int32_t vocab_, sequences_;
  Side target_, draft_;
  DeviceArray<DraftRow> rows_;
  GuardedArray<std::int32_t> accepted_, tokens_;
};

double share(const OracleMasses& masses, std::size_t id) {
  return static_cast<double>(masses.mass[id]) / static_cast<double>(masses.total);
}

}  // namespace

void run_draft_enumeration(Backend& backend) {
  enumerate(backend, false);
  enumerate(backend, true);
}

void run_draft_distribution(Backend& backend, SuiteSize size) {
  const std::uint64_t trials = size == SuiteSize::kFull ? 131072 : 2048;
  const std::int32_t sequences = size == SuiteSize::kFull ? 8192 : 256;
  const struct {
    const char* name;
    std::vector<double> p, q;
  } pairs[] = {{"p = (.1, .6, .3), q = (.5, .3, .2)", {.1, .6, .3}, {.5, .3, .2}},
               {"disjoint but for one id", {.25, .75, 1e-15}, {1e-15, .4, .6}},
               {"p = q", {.2, .3, .5}, {.2, .3, .5}}};
  for (const auto& pair : pairs) {
    Speculator speculator(backend, pair.p, pair.q, sequences);
    const std::size_t ids = pair.p.size();
    double accepted = 0;
    std::vector<double> sequence_law{1}, count_law;
    for (std::size_t id = 0; id < ids; ++id) accepted += std::min(share(speculator.p(), id), share(speculator.q(), id));
    for (std::size_t i = 0; i <= kDrafts; ++i) {
      std::vector<double> longer;
      for (const double before : sequence_law) {
        for (std::size_t id = 0; id < ids; ++id) longer.push_back(before * share(speculator.p(), id));
      }
      sequence_law = longer;
      count_law.push_back(std::pow(accepted, static_cast<double>(i)) * (i < kDrafts ? 1 - accepted : 1));
    }
    std::vector<std::uint64_t> sequence_counts(sequence_law.size()), counts(count_law.size());
    for (std::uint64_t first = 0; first < trials; first += static_cast<std::uint64_t>(sequences)) {
      const Speculator::Result result = speculator.run(0x5eed0000u + first);
      for (const Tokens& sequence : result.sequences) {
        std::size_t cell = 0;
        for (const std::int32_t token : sequence) cell = cell * ids + static_cast<std::size_t>(token);
        ++sequence_counts.at(cell);
      }
      for (const std::int32_t count : result.accepted_counts) ++counts.at(static_cast<std::size_t>(count));
    }
    expect_frequencies(sequence_counts, sequence_law, pair.name);
    if (accepted < 1) {
      expect_frequencies(counts, count_law, std::string(pair.name) + ", accepted drafts");
    } else {
      EXPECT_EQ(counts[kDrafts], trials) << pair.name;
    }
  }
}

}  // namespace fllm::test
