// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/bundled_model.h"
#include "tests/engine/completion_text.h"

// Requests that speculate in many ways.
namespace fllm::test {

inline constexpr const char* kSmallModel = "apps/models/shakespeare/draft";  // ten times faster than the bundled one

inline Generator open_small(EngineOptions options = {}) {
  options.device = "cpu";
  options.threads = 1;
  return Generator::open(kSmallModel, options).value();
}

/// Every setting that a draft's place in the text can matter to, in many combinations.
inline Request varied_request(int i) {
  static const std::string kPrompts[] = {"ROMEO:\nAy, ay, ay, ay,", "the the the the the th", "K",
                                         "JULIET:\nO Romeo, Romeo, wherefore art thou Romeo?\n\nROMEO:\n", ""};
  Request request = request_for(kPrompts[i % 5], 1 + i * 7 % 43);
  request.sampling.seed = static_cast<std::uint64_t>(i);
  request.num_samples = i % 9 == 4 ? 3 : 1;
  if (i % 4 == 1) request.sampling.top_k = 3;
  if (i % 4 == 2) request.sampling.top_p = 0.7f;
  if (i % 4 == 3) request.sampling.temperature = i % 8 == 3 ? 0.0f : 0.5f;
  if (i % 5 == 1) request.sampling.repetition_penalty = 1.3f;
  if (i % 5 == 2) request.sampling.frequency_penalty = 0.7f;
  if (i % 5 == 3) request.sampling.presence_penalty = -0.9f;
  if (i % 10 == 1) request.sampling.penalty_window = 9;
  if (i % 7 == 2) request.stop.strings = {"and", ".", "e "};
  if (i % 7 == 3) request.stop.token_ids = {40, 41};
  if (i % 7 == 4) request.length.min_tokens = request.length.max_tokens / 2;
  if (i % 11 == 3 && request.length.max_tokens >= 9) request.control.prefix = "\nO O O O ";
  if (i % 11 == 5) request.control.banned_text = {"th", "e "};
  if (i % 11 == 7) request.control.constraint = RegexConstraint{"(ha|ho|he)+( (ha|ho)+)*[.!]"};
  if (i % 11 == 9) request.control.constraint = ChoicesConstraint{{"aaaaaaaaaa", "aaaaaaab", "no no no no no"}};
  if (i % 13 == 1) request.sampling.logit_bias = {{40, 2}};
  if (i % 13 == 2) request.logprobs = 3;
  return request;
}

/// make(i) for each i below count.
template <class Make>
std::vector<Request> requests_of(int count, const Make& make) {
  std::vector<Request> requests;
  requests.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) requests.push_back(make(i));
  return requests;
}

inline SpeculationOptions lookup(std::int32_t ngram, std::int32_t tokens) {
  return {.draft_tokens = tokens, .prompt_lookup = ngram};
}

/// What the constraint forces, or is guessed to spell.
inline SpeculationOptions forced_alone(std::int32_t tokens, SpeculationRule rule = SpeculationRule::kCoupled) {
  return {.rule = rule, .draft_tokens = tokens, .draft_forced = true};
}

inline std::vector<Completion> completions_of(Generator& generator, const std::vector<Request>& requests) {
  std::vector<RequestId> ids;
  ids.reserve(requests.size());
  for (const Request& request : requests) ids.push_back(generator.submit(request).value());
  generator.drain().value();
  std::vector<Completion> all;
  all.reserve(ids.size());
  for (const RequestId id : ids) all.push_back(generator.take(id).value());
  return all;
}

/// Gives each request drafts, of a look-up or forced_alone() with rule_of(i); their completions, which are what they were without.
template <class Rule>
std::vector<Completion> unchanged_by_drafts(std::vector<Request>& requests, const Rule& rule_of) {
  Generator plain = open_small({.max_rows = 32});
  const std::vector<Completion> wanted = completions_of(plain, requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto drafts = static_cast<std::int32_t>(i * 5 % 17);
    requests[i].speculation =
        i % 3 == 0 ? lookup(1 + static_cast<std::int32_t>(i % 4), drafts) : forced_alone(drafts, rule_of(i));
  }
  Generator generator = open_small({.max_rows = 24, .prefill_tokens = 32});
  std::vector<Completion> got = completions_of(generator, requests);
  for (std::size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(all_of(got[i]), all_of(wanted[i])) << i;
  return got;
}

}  // namespace fllm::test
