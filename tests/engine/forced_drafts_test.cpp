// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "fundamentallm/constraint.h"
#include "tests/engine/engine_runner.h"
#include "tests/engine/speculating_requests.h"
#include "tests/support/deferred_backend.h"

// What a constraint leaves no choice about is drafted: it saves steps, and changes nothing else.
namespace fllm::test {
namespace {

using ::testing::HasSubstr;

/// Of all kinds of constraints, with whatever may cut a run or lead into a dead end.
Request constrained_request(int i) {
  Request request = varied_request(i);
  request.length.max_tokens = 20 + i % 60;
  request.length.min_tokens = i % 5 == 2 ? 12 : 0;
  ControlOptions& control = request.control;
  control = {};
  switch (i % 8) {
    case 0:
      control.constraint = JsonSchemaConstraint{R"({"enum": [true, false, null, 3333]})"};
      break;
    case 1:
      control.constraint = RegexConstraint{"(My lord, |Good night, )+[a-z]{3}, and farewell\\."};
      break;
    case 2:
      control.constraint = ChoicesConstraint{{"It was the nightingale", "It was the lark, the herald"}};
      break;
    case 3:
      control.prefix = "\nBut soft, what light ";
      break;
    case 4:
      control.constraint = DialogueConstraint{{"BENVOLIO", "MERCUTIO"}, 2};
      break;
    case 5:
      control.prefix = "O Ro";
      control.constraint = RegexConstraint{"O Romeo( Romeo)*"};
      break;
    case 6:
      control.constraint = RegexConstraint{"x*y?"};
      break;
    default:
      control.constraint = JsonConstraint{};
      break;
  }
  if (i % 3 == 1) control.banned_text = {"xx", "lark", "night, G", "ME"};  // some leave nothing to draw
  if (i % 7 == 4) request.stop.strings = {"farew", "soft, what", "the"};
  if (i % 7 == 5) control.banned_token_ids = {3};  // <EOS>
  return request;
}

TEST(ForcedDrafts, ChangeNoText) {
  std::vector<Request> requests = requests_of(336 / kFewer, constrained_request);
  // By themselves they hold by both rules; in front of others, spaces in any JSON (7 of 8) too, the coupled rule keeps the text.
  const std::vector<Completion> got = unchanged_by_drafts(
      requests, [](std::size_t i) { return i % 2 == 0 ? SpeculationRule::kRatio : SpeculationRule::kCoupled; });
  std::int64_t drafted = 0, rejected = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!requests[i].speculation->draft_forced) continue;
    const SpeculationStats stats = got[i].speculation.value();
    drafted += stats.drafted_tokens;
    rejected += stats.drafted_tokens - stats.accepted_tokens;
    // Where none is a guess, or left over behind a stop string or a dead end, all of them came to be text.
    if (i % 8 != 7 && requests[i].stop.strings.empty() && requests[i].control.banned_text.empty()) {
      EXPECT_EQ(stats.accepted_tokens, stats.drafted_tokens) << i;
    }
  }
  EXPECT_GT(drafted, 3000 / kFewer);
  EXPECT_LT(rejected, drafted / 50);
}

/// The steps of a text of so many forced tokens, of which the first comes without drafts, are as few as drafts allow.
TEST(ForcedDrafts, SaveAStepEach) {
  Generator generator = open_small();
  Request request = request_for("K", 60);
  request.control.constraint = ChoicesConstraint{{"A plague on both your houses!"}};
  const Completion alone = generator.generate(request).value();
  const auto tokens = static_cast<std::int64_t>(alone.samples[0].tokens.size());
  EXPECT_EQ(tokens, 30);                             // the end too
  for (const std::int32_t drafts : {0, 1, 4, 16}) {  // 0: not held up by what a guess would have to earn first
    request.speculation = forced_alone(drafts);
    const Completion completion = generator.generate(request).value();
    EXPECT_EQ(all_of(completion), all_of(alone));
    const SpeculationStats stats = completion.speculation.value();
    const std::int64_t block = 1 + (drafts > 0 ? drafts : 8);
    EXPECT_EQ(stats.steps, 1 + (tokens - 1 + block - 1) / block) << drafts;
    EXPECT_EQ(stats.drafted_tokens, tokens - stats.steps + 1) << drafts;  // the end is one: nothing comes behind it
    EXPECT_EQ(stats.acceptance_rate(), 1);
  }
  request.length.max_tokens = 12;  // the limit cuts the run
  request.speculation = forced_alone(16);
  const Completion cut = generator.generate(request).value();
  EXPECT_EQ(cut.samples[0].text, "A plague on ");
  EXPECT_EQ(cut.samples[0].finish_reason, FinishReason::kIncomplete);
  EXPECT_EQ(cut.speculation->steps, 2);
  EXPECT_EQ(cut.speculation->drafted_tokens, 10);
}

/// What the text has said before is looked up behind what is forced, as if that were said.
TEST(ForcedDrafts, AreFollowedByWhatIsLookedUp) {
  Generator generator = open_small();
  Request request = request_for("say the word, say the word, say the word, ", 41);
  request.sampling.temperature = 0;
  request.control.constraint = RegexConstraint{"(say (the|that|this) word, )+"};
  request.speculation = lookup(4, 16);
  const Completion looked_up = generator.generate(request).value();
  const SpeculationStats stats = looked_up.speculation.value();
  EXPECT_EQ(looked_up.samples[0].text, "say the word, say the word, say the word,");
  // "s", then "ay t" is forced and "he word, say " looked up behind it: 17 tokens, and so on.
  EXPECT_EQ(stats.steps, 1 + (40 + 16) / 17);
  EXPECT_EQ(stats.acceptance_rate(), 1);
}

TEST(ForcedDrafts, EarnNothingForGuesses) {
  Generator generator = open_small();
  Request request = request_for("K", 240);
  request.sampling.temperature = 1000;  // any letter, as likely as any other
  request.control.constraint = RegexConstraint{"([a-z]{6}, and then, )+"};
  request.num_samples = 8;
  request.speculation = lookup(1, 0);
  const SpeculationStats stats = generator.generate(request).value().speculation.value();
  const std::int64_t rejected = stats.drafted_tokens - stats.accepted_tokens;
  EXPECT_GT(rejected, 0);
  EXPECT_LE(20 * rejected, 2 * stats.tokens);  // a twentieth, and what a lucky guess gives back
  EXPECT_GT(stats.tokens_per_step(), 1.7);
}

TEST(ForcedDrafts, ADraftModelIsNotAskedForThem) {
  const std::unique_ptr<Backend> cpu = make_backend({.device = "cpu", .threads = 1});
  DeferredBackend device(*cpu, 0);
  EngineRunner runner(device, {.max_rows = 4, .steps_ahead = 0}, kSmallModel, kSmallModel);
  Request request = request_for("K", 60);
  request.control.constraint = RegexConstraint{"A plague on both your [a-z]{6}!"};
  std::string wanted;
  for (const bool speculates : {false, true}) {
    if (speculates) request.speculation = SpeculationOptions{.draft_tokens = 4};
    const std::int64_t before = device.counts.waits;
    const RequestId id = runner.submit(request);
    runner.run_to_the_end();
    const Completion& completion = runner.result(id);
    if (!speculates) {
      wanted = all_of(completion);
      continue;
    }
    EXPECT_EQ(all_of(completion), wanted);
    const SpeculationStats stats = completion.speculation.value();
    EXPECT_EQ(stats.tokens, 30);
    EXPECT_EQ(stats.acceptance_rate(), 1);  // the model is its own draft
    // A wait a step, and one for each letter that the draft model draws: the first one is free in its step.
    EXPECT_LE(device.counts.waits - before, stats.steps + 6);
    EXPECT_EQ(stats.steps, 1 + (29 + 4) / 5);
  }
}

/// So many times one token.
class OneLetter : public Constraint {
 public:
  OneLetter(TokenId id, std::int32_t most, std::int32_t taken = 0) : id_(id), most_(most), taken_(taken) {}

  void fill_mask(std::span<std::uint32_t> mask) override {
    if (taken_ < most_) mask[static_cast<std::size_t>(id_) / 32] |= 1u << (static_cast<unsigned>(id_) % 32);
  }
  bool advance(std::int32_t id) override { return id == id_ && ++taken_ <= most_; }
  void rollback(std::int32_t token_count) override { taken_ -= token_count; }
  [[nodiscard]] std::unique_ptr<Constraint> fork() const override {
    return std::make_unique<OneLetter>(id_, most_, taken_);
  }
  [[nodiscard]] bool may_end() const override { return taken_ == most_; }

 private:
  TokenId id_;
  std::int32_t most_, taken_;
};

TEST(ForcedDrafts, ComeFromAConstraintOfTheCallersOwn) {
  Generator generator = open_small();
  Request request = request_for("K", 60);
  const TokenId letter = generator.encode("o").value().at(0);
  request.control.constraint = CustomConstraint{std::make_shared<const OneLetter>(letter, 20)};
  request.num_samples = 2;
  request.speculation = forced_alone(6);
  const Completion completion = generator.generate(request).value();
  for (const Sample& sample : completion.samples) {
    EXPECT_EQ(sample.text, std::string(20, 'o'));
    EXPECT_EQ(sample.finish_reason, FinishReason::kEos);
  }
  EXPECT_EQ(completion.speculation->steps, 2 * (1 + (20 + 6) / 7));
  EXPECT_EQ(completion.speculation->acceptance_rate(), 1);
}

TEST(ForcedDrafts, NeedSomethingThatForces) {
  Generator generator = open_small();
  Request request = request_for("K", 4);
  request.speculation = forced_alone(0);
  const Result<RequestId> refused = generator.submit(request);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("draft_forced: given: needs a constraint or a prefix"));
  request.control.prefix = "Kin";
  EXPECT_EQ(generator.generate(request).value().speculation->accepted_tokens, 2);
}

}  // namespace
}  // namespace fllm::test
