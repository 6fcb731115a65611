// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "host/constraint/constraint_cache.h"
#include "host/constraint/dfa_constraint.h"
#include "host/constraint/token_mask.h"
#include "tests/engine/beam_requests.h"
#include "tests/support/beam_oracle.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_runner.h"

// Beam search through the engine: what the oracle finds on the model's own logits, with every edit, and what becomes of it.
namespace fllm::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class BeamSearching : public testing::Test {
 protected:
  explicit BeamSearching(const EngineLimits& limits = {.max_rows = 24}) : runner_(*cpu_, limits) {}

  Completion run(Request request) {
    const RequestId id = runner_.submit(std::move(request));
    runner_.run_to_the_end();
    EXPECT_EQ(runner_.engine().metrics().blocks_used, 0);
    EXPECT_EQ(runner_.engine().metrics().running_rows, 0);
    return runner_.result(id);
  }
  /// A search of one beam finds what a greedy request draws.
  void expect_one_beam_finds(const Request& greedy) {
    Request search = greedy;
    search.beam = BeamOptions{};
    const Sample wanted = run(greedy).samples.at(0), found = run(search).samples.at(0);
    EXPECT_EQ(found.tokens, wanted.tokens);
    EXPECT_EQ(found.text, wanted.text);
    EXPECT_EQ(found.finish_reason, wanted.finish_reason);
  }
  /// A search finds what the oracle finds.
  void expect_the_oracles_beams(const Request& request, const BeamCase& asked) {
    const BeamTables tables;
    OracleBeamSearch oracle(asked, tables);
    oracle.run();
    const std::vector<OracleHypothesis> wanted = oracle.result();
    ASSERT_FALSE(wanted.empty());
    const Completion found = run(request);
    ASSERT_EQ(found.samples.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const Sample& sample = found.samples[i];
      EXPECT_EQ(sample.tokens, wanted[i].tokens) << i;
      EXPECT_EQ(sample.beam->sum, wanted[i].cum) << i;
      EXPECT_EQ(sample.beam->score, wanted[i].score) << i;
      EXPECT_EQ(sample.beam->logprobs, wanted[i].logprobs) << i;
      const bool cut =
          sample.finish_reason == FinishReason::kLength || sample.finish_reason == FinishReason::kIncomplete;
      EXPECT_EQ(cut, wanted[i].end == BeamEnd::kLength) << i;
    }
  }
  Engine& engine() { return runner_.engine(); }

  std::unique_ptr<Backend> cpu_ = make_backend({.device = "cpu", .threads = 1});
  EngineRunner runner_;
};

/// The model's logits behind a prompt, as the oracle asks for them.
class LogitsOf {
 public:
  explicit LogitsOf(const std::string& prompt)
      : opened_(open_model(std::string(kBundledModel) + "/model.pt", *cpu_)), runner_(*cpu_, opened_.model, 1, 3) {
    prompt_ = opened_.tokenizer->encode(prompt);
  }
  std::vector<float> operator()(const std::vector<std::int32_t>& generated) {
    std::vector<float>& known = known_[generated];
    if (!known.empty()) return known;
    std::vector<std::int32_t> all = prompt_;
    all.insert(all.end(), generated.begin(), generated.end());
    const std::vector<float> logits = runner_.step({{0, 0, all}});
    known.assign(logits.end() - vocab(), logits.end());
    known.resize(static_cast<std::size_t>(opened_.tokenizer->vocab_size()));
    return known;
  }
  [[nodiscard]] std::int32_t vocab() const { return opened_.model.config.vocab_size; }
  [[nodiscard]] const Tokenizer& tokenizer() const { return *opened_.tokenizer; }
  [[nodiscard]] const Model& model() const { return opened_.model; }
  [[nodiscard]] const std::vector<std::int32_t>& prompt() const { return prompt_; }

 private:
  std::unique_ptr<Backend> cpu_ = make_backend({.device = "cpu", .threads = 1});
  OpenedModel opened_;
  ModelRunner runner_;
  std::vector<std::int32_t> prompt_;
  std::map<std::vector<std::int32_t>, std::vector<float>> known_;
};

/// What the request asks of the oracle.
BeamCase case_of(const Request& request, LogitsOf& logits) {
  const BeamOptions& beam = *request.beam;
  const Tokenizer& tokenizer = logits.tokenizer();
  BeamCase asked;
  asked.vocab = tokenizer.vocab_size();
  asked.model = [&logits](const std::vector<std::int32_t>& generated) { return logits(generated); };
  asked.row.end_ids = tokenizer.end_ids();
  asked.row.end_ids.insert(asked.row.end_ids.end(), request.stop.token_ids.begin(), request.stop.token_ids.end());
  asked.row.bans = request.control.banned_token_ids;
  for (TokenId id = 0; id < asked.vocab; ++id) {
    const bool ends = std::ranges::find(asked.row.end_ids, id) != asked.row.end_ids.end();
    if (tokenizer.is_special(id) && !ends && tokenizer.token_bytes(id).empty()) asked.row.bans.push_back(id);
  }
  for (const LogitBias& bias : request.sampling.logit_bias) asked.row.bias.push_back({bias.id, bias.bias});
  asked.row.sampling.min_tokens = request.length.min_tokens;
  asked.row.sampling.repetition_penalty = request.sampling.repetition_penalty;
  asked.row.sampling.frequency_penalty = request.sampling.frequency_penalty;
  asked.row.sampling.presence_penalty = request.sampling.presence_penalty;
  asked.histories = true;
  asked.history_capacity = 128;
  for (const TokenId id : logits.prompt()) {
    const auto same = [id](const CountEntry& entry) { return entry.id == id; };
    if (std::ranges::none_of(asked.row.counts, same)) asked.row.counts.push_back({id, 0, 1});
  }
  asked.rules.width = beam.width;
  asked.rules.group_count = beam.diversity_groups;
  asked.rules.diversity_penalty = beam.diversity_penalty;
  asked.rules.candidate_count = candidate_count(beam.width, asked.row.end_ids.size());
  asked.rules.max_length = request.length.max_tokens;
  asked.rules.prompt_count = static_cast<std::int32_t>(logits.prompt().size());
  asked.rules.stop = static_cast<BeamStop>(beam.stop.value_or(BeamStopRule::kExact));
  const double penalty = static_cast<double>(beam.length_penalty.value_or(0.6f));
  asked.norms = beam.length_norm == LengthNorm::kPower  ? power_norms(asked.rules.max_length, penalty)
                : beam.length_norm == LengthNorm::kNone ? no_norms(asked.rules.max_length)
                                                        : gnmt_norms(asked.rules.max_length, penalty);
  return asked;
}

TEST_F(BeamSearching, FindsWhatTheOracleFinds) {
  const std::string prompt = "ROMEO:\nI am";
  LogitsOf logits(prompt);
  std::vector<Request> requests;
  for (int i = 0; i < 12 / kFewer; ++i) {
    Request request = search_for(prompt, 1 + i * 5 % 7, 3 + i * 4 % 9);
    BeamOptions& beam = *request.beam;
    // The bundled model ends a text rarely: common letters do.
    if (i % 3 != 0) request.stop.token_ids = {logits.tokenizer().encode(i % 3 == 1 ? " " : "e").front()};
    if (i % 4 == 1) request.stop.token_ids.push_back(logits.tokenizer().encode("\n").front());
    if (i % 4 == 1) beam.length_norm = LengthNorm::kPower;
    if (i % 4 == 2) beam.length_norm = LengthNorm::kNone;
    if (i % 5 == 1) beam.length_penalty = -1.0f;
    if (i % 5 == 2) beam.length_penalty = 2.0f;
    beam.stop = static_cast<BeamStopRule>(i % 4);
    if (i % 6 == 1) request.sampling.repetition_penalty = 1.3f;
    if (i % 6 == 2) request.sampling.frequency_penalty = 0.7f;
    if (i % 6 == 3) request.length.min_tokens = 3;
    if (i % 6 == 4) request.sampling.logit_bias = {{20, 1.5f}, {40, -3.0f}};
    if (i % 6 == 5) request.control.banned_token_ids = {45, 50};
    if (i == 7)
      request.beam = BeamOptions{.width = 6, .num_return = 6, .diversity_groups = 3, .diversity_penalty = 0.5f};
    requests.push_back(std::move(request));
  }
  for (std::size_t n = 0; n < requests.size(); ++n) {
    SCOPED_TRACE("request " + std::to_string(n));
    expect_the_oracles_beams(requests[n], case_of(requests[n], logits));
  }
}

/// A place at the beginning of what the request's constraint allows, which tokens must outlive.
std::shared_ptr<const SampleConstraint> constraint_of(const Request& request, const BeamCase& asked,
                                                      const TokenIndex& tokens) {
  std::vector<std::uint32_t> usable(static_cast<std::size_t>(mask_words(asked.vocab)));
  allow_all(usable);
  for (const TokenId id : asked.row.bans) forbid(usable, id);
  std::vector<TokenId> ends = asked.row.end_ids;
  std::ranges::sort(ends);
  ConstraintCache cache(tokens);
  return std::make_shared<DfaConstraint>(cache.tables(request.control, usable, ends), tokens, asked.rules.max_length);
}

// Each beam has its own place in the text that is asked for: what the oracle finds with the host's rules, beam for beam.
TEST_F(BeamSearching, KeepsToConstraintsAsTheHostDoes) {
  const std::string prompt = "ROMEO:\nI am";
  LogitsOf logits(prompt);
  const Vocabulary vocabulary(logits.tokenizer(), logits.model());
  const TokenId end = logits.tokenizer().end_ids().front();
  std::vector<Request> requests;
  for (int i = 0; i < 7; ++i) {
    Request request = search_for(prompt, 1 + i % 5, 9);
    request.control.constraint = RegexConstraint{" [a-z]{1,3}( [a-z]{2,4})*[.!]"};
    if (i == 1) request.control.constraint = ChoicesConstraint{{" yea", " nay", " never", " ne", " a", " and a"}};
    if (i == 2) request.length.min_tokens = 6;
    if (i == 3) request.control.constraint = RegexConstraint{" [a-z]+"};
    if (i == 3) request.control.prefix = " the";
    if (i == 4) {  // ends by itself, or by a stop token that is none within the text
      request.control.constraint = RegexConstraint{" [a-z]{2}"};
      request.control.banned_token_ids = {end};
      request.length.min_tokens = 5;
    }
    if (i == 5) {
      request.control.constraint = RegexConstraint{"[a-z ]+"};
      request.stop.token_ids = {logits.tokenizer().encode("e").front()};
    }
    if (i == 6) {  // no beam of more than three tokens lives: only what ended before is found
      request.control.constraint = ChoicesConstraint{{" a", " no", " we"}};
      request.length.min_tokens = 8;
      request.beam->stop = BeamStopRule::kNeverEarly;
    }
    requests.push_back(std::move(request));
  }
  for (std::size_t n = 0; n < requests.size(); n += kFewer) {
    SCOPED_TRACE("request " + std::to_string(n));
    BeamCase asked = case_of(requests[n], logits);
    asked.constraint = constraint_of(requests[n], asked, vocabulary.tokens);
    asked.can_draw_end = std::ranges::any_of(
        asked.row.end_ids, [&](TokenId id) { return std::ranges::find(asked.row.bans, id) == asked.row.bans.end(); });
    expect_the_oracles_beams(requests[n], asked);
  }
}

TEST_F(BeamSearching, OneConstrainedBeamIsGreedy) {
  for (const char* pattern : {"( [A-Z][a-z]+){2,3}[.!]", "[a-z]{5}", "(the|a) [a-z ,]*"}) {
    Request greedy = request_for("ROMEO:", 30);
    greedy.sampling.temperature = 0;
    greedy.control.constraint = RegexConstraint{pattern};
    greedy.control.banned_text = {"th ", "ou"};
    expect_one_beam_finds(greedy);
  }
}

TEST_F(BeamSearching, ConstraintsThatAreTooLargeAreRefused) {
  Request request = search_for("ROMEO:", 2, 5);
  request.control.constraint = RegexConstraint{"[a-z ]{40000}"};
  expect_error(ErrorCode::kUnsupported, {"regex: ", "states", "32768"}, [&] { run(request); });
}

TEST_F(BeamSearching, OneBeamIsGreedy) {
  for (const char* prompt : {"ROMEO:", "", "First Citizen:\nBefore we proceed"}) {
    Request greedy = request_for(prompt, kFewer > 1 ? 20 : 60);
    greedy.sampling.temperature = 0;
    greedy.stop.strings = {"the", "\n\n"};
    expect_one_beam_finds(greedy);
  }
}

TEST_F(BeamSearching, AFinishedSearchFreesItsRowsAtOnce) {
  Request brief = search_for("ROMEO:", 9, 3), longer = search_for("ROMEO:", 9, 12);
  const RequestId first = runner_.submit(std::move(brief));
  runner_.submit(std::move(longer));
  runner_.step();
  EXPECT_EQ(engine().metrics().running_rows, 18);
  while (!engine().idle() && engine().metrics().requests_finished == 0) runner_.step();
  EXPECT_EQ(runner_.result(first).samples.size(), 9U);
  EXPECT_EQ(engine().metrics().running_rows, 9);
  const RequestId next = runner_.submit(search_for("JULIET:", 15, 4));  // fits only there
  runner_.step();
  EXPECT_EQ(engine().metrics().running_rows, 24);
  runner_.run_to_the_end();
  EXPECT_EQ(runner_.result(next).samples.size(), 15U);
  EXPECT_EQ(engine().metrics().blocks_used, 0);
}

TEST_F(BeamSearching, WhatIsShownIsNeverWithdrawn) {
  bool early = false;
  for (int i = 0; i < 6 / kFewer + 1; ++i) {
    Request request = search_for(i % 2 == 0 ? "ROMEO:\nI" : "", 2 + i, 40);
    request.stop.strings = {"the ", "\n\n", "ha"};
    request.stop.keep_stop = i % 3 == 2;
    const RequestId id = runner_.submit(std::move(request));
    std::map<std::int32_t, std::string> texts;
    std::map<std::int32_t, std::vector<TokenId>> tokens;
    std::int32_t last_count = 0;
    while (!engine().idle()) {
      for (const StepEvent& event : runner_.step()) {
        if (!engine().idle() && event.finish_reason == FinishReason::kNone && event.sample == 0 && event.token)
          early = true;
        texts[event.sample] += event.text;
        if (event.token) tokens[event.sample].push_back(*event.token);
        last_count += event.last ? 1 : 0;
      }
    }
    const Completion& found = runner_.result(id);
    EXPECT_EQ(last_count, 1);
    for (std::size_t n = 0; n < found.samples.size(); ++n) {
      EXPECT_EQ(texts[static_cast<std::int32_t>(n)], found.samples[n].text);
      EXPECT_EQ(tokens[static_cast<std::int32_t>(n)], found.samples[n].tokens);
    }
  }
  EXPECT_TRUE(early);
}

TEST_F(BeamSearching, PrefixAndBannedTextHoldInEveryHypothesis) {
  Request request = search_for("ROMEO:", 4, 18);
  request.control.prefix = "\nO, that";
  request.control.banned_text = {"the", "I ", "ll"};
  request.length.min_tokens = 10;
  for (const Sample& sample : run(request).samples) {
    EXPECT_THAT(sample.text, StartsWith("\nO, that"));
    for (const std::string& banned : request.control.banned_text) EXPECT_THAT(sample.text, Not(HasSubstr(banned)));
    EXPECT_GE(sample.tokens.size(), 10U);
  }
  // A text of one character is a token.
  Request by_text = search_for("ROMEO:", 4, 12), by_id = by_text;
  by_text.control.banned_text = {"e"};
  LogitsOf logits("e");
  by_id.control.banned_token_ids = logits.prompt();
  EXPECT_EQ(all_of(run(by_text)), all_of(run(by_id)));
}

TEST_F(BeamSearching, ADeadEndIsATypedError) {
  Request request = search_for("ROMEO:", 3, 10);
  for (TokenId id = 0; id < 69; ++id) request.control.banned_token_ids.push_back(id);
  const Completion found = run(request);
  ASSERT_EQ(found.samples.size(), 1U);
  EXPECT_EQ(found.samples[0].finish_reason, FinishReason::kDeadEnd);
  EXPECT_EQ(found.samples[0].error->code, ErrorCode::kEmptySupport);
  EXPECT_THAT(found.samples[0].error->message, HasSubstr("every token is forbidden"));
}

TEST_F(BeamSearching, CancelledSearchesReturnWhatTheyHave) {
  for (const int steps : {0, 1, 2, 5, 12}) {
    Request request = search_for("ROMEO:", 4, 60);
    request.length.min_tokens = 60;
    const RequestId id = runner_.submit(std::move(request));
    const RequestId other = runner_.submit(search_for("JULIET:", 3, 9));
    for (int step = 0; step < steps; ++step) runner_.step();
    runner_.cancel(id);
    runner_.run_to_the_end();
    const Completion& found = runner_.result(id);
    ASSERT_GE(found.samples.size(), 1U) << steps;
    for (const Sample& sample : found.samples) EXPECT_EQ(sample.finish_reason, FinishReason::kCancelled);
    if (steps == 12) {
      EXPECT_GT(found.samples[0].tokens.size(), 3U);
    }
    EXPECT_EQ(runner_.result(other).samples.size(), 3U);
    EXPECT_EQ(engine().metrics().blocks_used, 0);
    EXPECT_EQ(engine().metrics().running_rows, 0);
  }
}

TEST_F(BeamSearching, ThePromptIsShared) {
  const std::string speech(100, 'a');
  const Completion first = run(search_for(speech, 5, 8));
  const std::int64_t read = engine().metrics().prompt_tokens;
  EXPECT_EQ(all_of(run(search_for(speech, 5, 8))), all_of(first));
  EXPECT_GT(engine().metrics().prefix_hit_tokens, 80);
  EXPECT_LT(engine().metrics().prompt_tokens - read, 20);
}

TEST_F(BeamSearching, LogprobsAreThoseOfTheSearch) {
  Request request = search_for("ROMEO:", 3, 6);
  request.logprobs = 0;
  for (const Sample& sample : run(request).samples) {
    ASSERT_EQ(sample.details.size(), sample.tokens.size());
    float sum = 0;
    for (std::size_t i = 0; i < sample.details.size(); ++i) {
      EXPECT_EQ(sample.details[i].drawn.id, sample.tokens[i]);
      EXPECT_EQ(sample.details[i].drawn.processed, sample.beam->logprobs[i]);
      sum += sample.beam->logprobs[i];
    }
    EXPECT_EQ(sum, sample.beam->sum);
    EXPECT_EQ(sample.sum_logprob, static_cast<double>(sum));
  }
}

TEST_F(BeamSearching, RefusesWhatCannotBe) {
  const auto refused = [this](const Request& request, ErrorCode code, const char* text) {
    expect_error(code, {text}, [&] { runner_.submit(request); });
  };
  refused(search_for("a", 25, 5), ErrorCode::kInvalidArgument, "beam_width: 25: the batch has 24 rows");
  Request request = search_for("a", 24, 5);
  for (TokenId id = 0; id < 69; ++id) request.stop.token_ids.push_back(id);
  EXPECT_NO_THROW(runner_.submit(request));
  request = search_for("a", 4, 5);
  request.beam->num_return = 5;
  refused(request, ErrorCode::kInvalidArgument, "num_return: 5: must be in [1, beam_width], 4");
  request = search_for("a", 4, 5);
  request.sampling.penalty_window = 3;
  refused(request, ErrorCode::kInvalidArgument, "penalty_window: 3");
}

}  // namespace
}  // namespace fllm::test
