// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

#include "apps/server/admission.h"
#include "apps/server/api_error.h"
#include "apps/server/completion_request.h"
#include "apps/server/event_queue.h"
#include "apps/server/ordered_part.h"
#include "apps/server/routes.h"
#include "apps/server/server_metrics.h"
#include "tests/support/fewer.h"

namespace fllm::server {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

constexpr RequestLimits kLimits{0, 256, 100, 320};

/// The status and message of what a call throws; 0 where it throws nothing.
template <class Call>
std::pair<int, std::string> refusal_of(const Call& call) {
  try {
    call();
  } catch (const ApiError& error) {
    return {error.status(), error.what()};
  }
  return {0, ""};
}

std::string refusal(Endpoint endpoint, const std::string& body) {
  return refusal_of([&] { (void)parse_completion(endpoint, body, kLimits); }).second;
}

Happening text_of(std::size_t bytes) {
  return {0, StepEvent{RequestId{1}, 0, std::string(bytes, 'x'), {}, FinishReason::kNone}};
}

TEST(EventQueue, HandsOverInOrderAndNoMoreThanItsBytes) {
  EventQueue queue(4 * (sizeof(Happening) + 100));
  for (std::size_t i = 1; i <= 4; ++i) EXPECT_TRUE(queue.push(text_of(i)));
  for (std::size_t i = 1; i <= 4; ++i) {
    EXPECT_EQ(std::get<StepEvent>(queue.pop(milliseconds(0)).value().what).text.size(), i);
  }
  EXPECT_FALSE(queue.pop(milliseconds(0)));
  for (int round = 0; round < 100; ++round) {  // what was taken leaves its room
    EXPECT_TRUE(queue.push(text_of(300)));
    EXPECT_TRUE(queue.pop(milliseconds(0)));
  }
  EXPECT_TRUE(queue.push(text_of(300)));
  EXPECT_FALSE(queue.push(text_of(3 * (sizeof(Happening) + 100))));
  EXPECT_TRUE(queue.overrun());
  EXPECT_FALSE(queue.pop(milliseconds(100000))) << "at once: nothing is kept";
  EXPECT_FALSE(queue.push(text_of(1)));
}

TEST(EventQueue, CountsLogProbabilities) {
  EventQueue queue(sizeof(Happening) + 20 * sizeof(TokenLogprob));
  Happening happening = text_of(0);
  std::get<StepEvent>(happening.what).detail.emplace().top.resize(20);
  EXPECT_FALSE(queue.push(std::move(happening)));
}

TEST(EventQueue, TakesNothingOnceItIsClosed) {
  EventQueue queue(100000);
  EXPECT_TRUE(queue.push(text_of(1)));
  queue.close();
  EXPECT_FALSE(queue.push(text_of(1)));
  EXPECT_FALSE(queue.overrun());
  EXPECT_FALSE(queue.pop(milliseconds(0)));
}

TEST(Admission, KeepsRoomUntilItIsLetGo) {
  Admission admission(5);
  const auto first = admission.enter(3);
  EXPECT_EQ(refusal_of([&] { (void)admission.enter(3); }).first, 429);
  {
    const auto second = admission.enter(2);
    EXPECT_EQ(admission.samples(), 5);
    EXPECT_EQ(admission.requests(), 2);
    EXPECT_EQ(refusal_of([&] { admission.check(1); }).first, 429);
  }
  EXPECT_EQ(admission.samples(), 3);
  admission.drain();
  EXPECT_EQ(refusal_of([&] { admission.check(1); }).first, 503);
  EXPECT_EQ(admission.requests(), 1);
}

TEST(Routes, AreFoundByTheirWholePath) {
  EXPECT_EQ(find_route("/v1/completions")->path, kCompletionsPath);
  EXPECT_EQ(find_route("/v1/models/a/b")->path, kModelPath);
  for (const char* path : {"", "/", "/v1", "/v1/completions/", "/V1/completions", "/v1/models/", "/healthz"}) {
    EXPECT_EQ(find_route(path), nullptr) << path;
  }
}

TEST(Secret, IsComparedWhole) {
  EXPECT_TRUE(is_same_secret("abc", "abc"));
  for (const char* given : {"", "a", "ab", "abd", "xbc", "abcabc", "abca"})
    EXPECT_FALSE(is_same_secret(given, "abc")) << given;
  EXPECT_FALSE(is_same_secret("a", ""));
}

TEST(Body, IsReadToItsDepth) {
  const auto nested = [](int depth) {
    return R"({"prompt":"A","metadata":)" + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "}";
  };
  EXPECT_EQ(refusal(Endpoint::kCompletions, nested(71)), "");
  EXPECT_THAT(refusal(Endpoint::kCompletions, nested(72)), HasSubstr("nested deeper than 72"));
}

TEST(Body, HasManyObjectsThatAreReadAtOnce) {
  const auto many = [](const std::string& one) {
    std::string all = R"({"prompt":"A","metadata":[0)";
    for (int i = 0; i < 100'000 / test::kFewer; ++i) all += "," + one;
    return all + "]}";
  };
  EXPECT_EQ(refusal(Endpoint::kCompletions, many("{}")), "");
  EXPECT_THAT(refusal(Endpoint::kCompletions, many(R"({"a":1})") + "{"), HasSubstr("not valid JSON at byte"));
  EXPECT_THAT(refusal(Endpoint::kCompletions, R"({"prompt":"A","metadata":{"b":{"a":1,"a":2}}})"),
              HasSubstr("this key stands twice"));
}

TEST(Body, MayHaveNoNul) {
  using namespace std::string_literals;
  EXPECT_THAT(refusal(Endpoint::kCompletions, "{\"prompt\":\"A\"}\0 }"s), HasSubstr("not valid JSON at byte 15"));
  EXPECT_THAT(refusal(Endpoint::kCompletions, R"({"prompt":"A","a\u0000b":1,"temperature":-5})"),
              testing::AllOf(HasSubstr("a\\x00b"), HasSubstr("temperature: -5")));
}

TEST(Body, KeepsTheOrderOfAPart) {
  const auto part = [](const std::string& text) { return ordered_part(text, {"b", "c"}); };
  EXPECT_EQ(part(R"({"a":{"b":{"c":1}},"b":{"c":{"z":1,"a":[2,{"c":3}]}}})"), R"({"z":1,"a":[2,{"c":3}]})");
  EXPECT_EQ(part("\xEF\xBB\xBF \n{ \"x\\\"}\" : \"]\\\\\" ,\t\"\\u0062\"\r:{\"d\":-1.5e3 , \"c\" : true }}"), "true");
  EXPECT_EQ(part(R"({"b":{"x":null,"y":12,"c":"a,}\"{"}})"), R"("a,}\"{")");
  EXPECT_EQ(part(R"({"b":{"c":7}})"), "7");
}

TEST(Body, HasAMillionValuesAtMost) {
  if (test::kFewer != 1) GTEST_SKIP() << "a million values take the sanitizers ten seconds, and are read as ten are";
  std::string values = R"({"prompt":"A","metadata":[0)";
  for (int i = 0; i < 999'000; ++i) values += ",0";
  EXPECT_EQ(refusal(Endpoint::kCompletions, values + "]}"), "");
  for (int i = 0; i < 1'000; ++i) values += ",0";
  EXPECT_THAT(refusal(Endpoint::kCompletions, values + "]}"), HasSubstr("more than 1000000 values"));
}

TEST(Body, IdsBeyondTheModelAreNamedWithWhatElseIsWrong) {
  EXPECT_EQ(refusal(Endpoint::kCompletions,
                    R"({"prompt":[[99],[100,-1]],"logit_bias":{"101":1},"stop_token_ids":[99,102],"n":0})"),
            "n: 0: must be in [1, 4096]; logit_bias: 101: token ids of this model are below 100; stop_token_ids: 102: "
            "token ids of this model are below 100; prompt: 100: token ids of this model are below 100; prompt: -1: "
            "token ids start at 0");
}

TEST(Body, OfManyViolationsShowsTheFirst) {
  std::string ids = R"({"prompt":["x")";
  for (int i = 0; i < 10'000; ++i) ids += ",1.5";
  EXPECT_LT(refusal(Endpoint::kCompletions, R"({"prompt":"A","stop_token_ids":[1.5)" + ids.substr(14) + "]}").size(),
            5000U);
}

TEST(Chat, BecomesMessages) {
  const CompletionRequest request = parse_completion(
      Endpoint::kChat,
      R"({"messages":[{"role":"developer","content":"Be kind."},{"role":"user","content":[{"type":"text","text":"a"},
          {"type":"text","text":"b"}]},{"role":"assistant","content":"c","refusal":null,"tool_calls":[]}],
          "logprobs":true,"top_logprobs":3,"max_completion_tokens":9,"parallel_tool_calls":true,"tool_choice":"none"})",
      kLimits);
  ASSERT_EQ(request.prompts.size(), 1U);
  const auto& messages = std::get<std::vector<ChatMessage>>(request.prompts[0]);
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[0].role, ChatRole::kSystem);
  EXPECT_EQ(messages[0].text, "Be kind.");
  EXPECT_EQ(messages[1].role, ChatRole::kUser);
  EXPECT_EQ(messages[1].text, "ab");
  EXPECT_EQ(messages[2].role, ChatRole::kAssistant);
  EXPECT_EQ(request.options.logprobs, 3);
  EXPECT_EQ(request.options.length.max_tokens, 9);
}

TEST(Speculation, IsTheServersUnlessTheRequestSaysOtherwise) {
  RequestLimits limits = kLimits;
  const auto read = [&limits](const std::string& fields) {
    return parse_completion(Endpoint::kCompletions, R"({"prompt":"A")" + fields + "}", limits).options.speculation;
  };
  EXPECT_FALSE(read("").has_value());
  EXPECT_EQ(read(R"(,"prompt_lookup":3)").value().prompt_lookup, 3);
  limits.speculation = SpeculationOptions{SpeculationRule::kRatio, 5, 2};
  EXPECT_EQ(read("").value().draft_tokens, 5);
  EXPECT_FALSE(read(R"(,"speculation":"off")").has_value());
  const SpeculationOptions other = read(R"(,"speculation":"coupled","draft_tokens":"auto")").value();
  EXPECT_EQ(other.rule, SpeculationRule::kCoupled);
  EXPECT_EQ(other.draft_tokens, 0);
  EXPECT_EQ(other.prompt_lookup, 2);
  EXPECT_FALSE(read(R"(,"beam_width":2)").has_value());
  EXPECT_TRUE(read(R"(,"choices":["a"],"draft_forced":true)").value().draft_forced);
  limits.speculation = SpeculationOptions{.draft_forced = true};
  EXPECT_TRUE(read(R"(,"regex":"a")").value().draft_forced);
  EXPECT_TRUE(read(R"(,"prefix":"a")").value().draft_forced);
  EXPECT_FALSE(read("").has_value());  // nothing is forced
  EXPECT_FALSE(read(R"(,"prompt_lookup":3)").value().draft_forced);
  EXPECT_FALSE(read(R"(,"regex":"a","draft_forced":false)").has_value());
  limits.speculation = SpeculationOptions{.prompt_lookup = 2};
  EXPECT_FALSE(read(R"(,"prompt_lookup":0)").has_value());
  limits.has_draft_model = true;
  EXPECT_EQ(read(R"(,"prompt_lookup":0)").value().prompt_lookup, 0);
  limits.speculation.reset();
  EXPECT_FALSE(read(R"(,"prompt_lookup":0,"draft_forced":false)").has_value());
  EXPECT_THAT(refusal(Endpoint::kCompletions, R"({"prompt":"A","beam_width":2,"prompt_lookup":3})"),
              HasSubstr("beam search"));
  EXPECT_THAT(refusal(Endpoint::kCompletions, R"({"prompt":"A","draft_forced":true})"),
              HasSubstr("draft_forced: given: needs a constraint or a prefix"));
  EXPECT_THAT(
      refusal(Endpoint::kCompletions, R"({"prompt":"A","prompt_lookup":17,"draft_tokens":"x","speculation":"b"})"),
      testing::AllOf(HasSubstr("prompt_lookup: 17"), HasSubstr("draft_tokens"), HasSubstr("coupled, ratio, off")));
}

TEST(Chat, GoesOnToTheLimitWithoutOne) {
  const std::string messages = R"({"messages":[{"role":"user","content":"a"}])";
  EXPECT_EQ(parse_completion(Endpoint::kChat, messages + "}", kLimits).options.length.max_tokens, 256);
  EXPECT_EQ(parse_completion(Endpoint::kChat, messages + "}", kLimits).options.logprobs, -1);
  EXPECT_EQ(parse_completion(Endpoint::kChat, messages + R"(,"logprobs":true})", kLimits).options.logprobs, 0);
  EXPECT_EQ(refusal(Endpoint::kChat, messages + R"(,"max_tokens":5,"max_completion_tokens":5})"), "");
  EXPECT_THAT(refusal(Endpoint::kChat, messages + R"(,"max_tokens":5,"max_completion_tokens":6})"),
              HasSubstr("they differ"));
}

TEST(Beams, AreAskedForInTwoWays) {
  const auto search = [](const std::string& fields) {
    return parse_completion(Endpoint::kChat, R"({"messages":[{"role":"user","content":"a"}],)" + fields + "}", kLimits);
  };
  const CompletionRequest narrow = search(R"("use_beam_search":true,"n":3,"length_penalty":1.5)");
  ASSERT_TRUE(narrow.options.beam);
  EXPECT_EQ(narrow.options.beam->width, 3);
  EXPECT_EQ(narrow.options.beam->num_return, 3);
  EXPECT_EQ(narrow.options.beam->length_penalty, 1.5f);
  EXPECT_EQ(narrow.options.num_samples, 1);
  const CompletionRequest wide = search(R"("beam_width":9,"n":2,"beam_profile":"hf","beam_stop":"first-k")");
  EXPECT_EQ(wide.row_count(), 9);
  EXPECT_EQ(wide.sample_count(), 2);
  EXPECT_EQ(wide.options.beam->profile, BeamProfile::kHuggingFace);
  EXPECT_EQ(wide.options.beam->stop, BeamStopRule::kFirstK);
  EXPECT_FALSE(search(R"("use_beam_search":false)").options.beam);
}

TEST(ApiErrors, AreJsonWhateverTheyName) {
  const std::string body = ApiError(400, "\xFF\"\n", "p", "").body();
  EXPECT_EQ(body, R"({"error":{"message":")"
                  "\xEF\xBF\xBD"
                  R"(\"\n","type":"invalid_request_error","param":"p","code":null}})");
  const ApiError error =
      api_error({ErrorCode::kInvalidArgument, "stop_strings: \"\": must not be empty\nnum_samples: 0: x"});
  EXPECT_STREQ(error.what(), "stop: \"\": must not be empty; n: 0: x");
  EXPECT_THAT(error.body(), HasSubstr(R"("param":"stop")"));
}

TEST(Histograms, AreCumulative) {
  ServerMetrics metrics;
  for (const double seconds : {0.05, 0.3, 0.3, 1000.0}) metrics.observe_request(seconds);
  metrics.count_reply("/health", 200);
  metrics.count_abandoned(Abandoned::kSlowClient);
  const std::string text = metrics.text({});
  const std::string name = "fundamentallm_request_seconds";
  for (const char* line : {"_bucket{le=\"0.05\"} 1\n", "_bucket{le=\"0.25\"} 1\n", "_bucket{le=\"0.5\"} 3\n",
                           "_bucket{le=\"600\"} 3\n", "_bucket{le=\"+Inf\"} 4\n", "_sum 1000.65\n", "_count 4\n"}) {
    EXPECT_THAT(text, HasSubstr(name + line));
  }
  EXPECT_THAT(text, HasSubstr("fundamentallm_http_requests_total{endpoint=\"/health\",status=\"200\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("fundamentallm_requests_abandoned_total{reason=\"slow_client\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("\n\n")));
}

}  // namespace
}  // namespace fllm::server
