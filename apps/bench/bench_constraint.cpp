// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/bench/benchmarks.h"
#include "apps/bench/fixed_length.h"
#include "apps/bench/measure.h"
#include "cuda/portable/draft_length.h"
#include "host/constraint/constraint_source.h"
#include "host/constraint/constraint_tables.h"
#include "host/constraint/dfa_constraint.h"
#include "host/constraint/token_mask.h"
#include "host/constraint/token_trie.h"

namespace fllm::bench {
namespace {

constexpr int kWalks = 200;  // of one text, in a measurement of its steps

nlohmann::ordered_json read_json(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  return nlohmann::ordered_json::parse(file);
}

/// For the peers, which have no reader of the model: the bytes of all tokens, one after the other, and where each ends.
void write_vocabulary(const std::string& path, const std::vector<std::string>& tokens, std::span<const TokenId> ends) {
  std::string hex;
  nlohmann::json behind = nlohmann::json::array();
  for (const std::string& token : tokens) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const char c : token) {
      const auto byte = static_cast<unsigned char>(c);
      hex += {kDigits[byte >> 4], kDigits[byte & 15]};
    }
    behind.push_back(hex.size() / 2);
  }
  std::ofstream(path) << nlohmann::json{{"bytes", hex}, {"behind", behind}, {"ends", ends}};
}

/// The longest tokens from left to right, as the peers take them.
std::vector<TokenId> spelling(const std::string& text, const TokenTrie& trie) {
  std::vector<TokenId> ids;
  for (std::size_t at = 0; at < text.size();) {
    const TokenTrie::Node *node = nullptr, *best = nullptr;
    for (std::size_t end = at; end < text.size(); ++end) {
      node = trie.child(node, text[end]);
      if (node == nullptr) break;
      if (node->token_count > 0) best = node;
    }
    if (best == nullptr) throw std::runtime_error(text + ": no token of the model spells it");
    ids.push_back(trie.tokens_of(*best).front());
    at += best->depth;
  }
  return ids;
}

/// Of a text and its end, where in each step the tokens that are forced, or spelled if guesses are wanted, come to the one that is
/// drawn, up to those that are drafted at most and to the first that the text has not.
double tokens_per_step(std::vector<TokenId> ids, TokenId end, DfaConstraint&& at, bool guesses) {
  ids.push_back(end);
  std::size_t steps = 0;
  for (std::size_t done = 0; done < ids.size(); ++done, ++steps) {
    for (int run = 0; run < DraftLength::kMostAutomatic && done + 1 < ids.size(); ++run, ++done) {
      std::optional<TokenId> draft = at.forced();
      if (!draft && guesses) draft = at.spelled();
      if (draft != ids[done]) break;
      at.advance(ids[done]);
    }
    at.advance(ids[done]);
  }
  return static_cast<double>(ids.size()) / static_cast<double>(steps);
}

/// Of what the model itself writes behind an example, each time the likeliest token.
double tokens_per_written_step(Generator& generator, const std::string& example, ConstraintSource source) {
  Request request;
  request.prompt = "An example: " + example + "\nAnother one: ";
  request.length.max_tokens = 120;
  request.sampling.temperature = 0;
  request.control.constraint = std::move(source);
  request.speculation = SpeculationOptions{.draft_forced = true};
  return generator.generate(request).value().speculation.value().tokens_per_step();
}

}  // namespace

void bench_constraints(const ConstraintBench& options) {
  Generator generator = open_for_one_row(options.model, "");
  const TokenIndex tokens(generator.token_bytes());
  const std::vector<TokenId> ends = generator.end_ids();
  write_vocabulary(options.vocabulary, generator.token_bytes(), ends);
  std::vector<std::uint32_t> usable(static_cast<std::size_t>(mask_words(tokens.size())));
  for (TokenId id = 0; id < tokens.size(); ++id) allow(usable, id);
  std::vector<std::uint32_t> mask(usable.size());
  const auto trie = tokens.trie();  // made once for a model
  for (const auto& test : read_json(options.cases)) {
    const ConstraintSource source = test.contains("regex") ? ConstraintSource(RegexConstraint{test["regex"]})
                                                           : JsonSchemaConstraint{test["schema"].dump()};
    const std::vector<TokenId> ids = spelling(test["text"], *trie);
    std::shared_ptr<ConstraintTables> tables;
    const auto compile = [&] {
      CompileBudget budget(source_name(source));
      ByteDfa dfa = compile_source(source, budget);
      tables = std::make_shared<ConstraintTables>(std::move(dfa), ConstraintTables::Vocabulary{trie, usable, ends},
                                                  std::move(budget));
    };
    const Timing compiled = measure(options.runs, compile);
    const auto walk = [&](DfaConstraint& at) {
      for (const TokenId id : ids) {
        at.fill_mask(mask);
        if (!at.advance(id)) throw std::runtime_error(test["name"].get<std::string>() + ": its text is not allowed");
      }
      at.fill_mask(mask);
      if (!at.may_end()) throw std::runtime_error(test["name"].get<std::string>() + ": its text is not whole");
    };
    // Each time with tables that have no row yet.
    const Timing both = measure(options.runs, [&] {
      compile();
      DfaConstraint at(tables, tokens, static_cast<std::int32_t>(ids.size()));
      walk(at);
    });
    const Timing steps = measure(options.runs, [&] {
      for (int i = 0; i < kWalks; ++i) {
        DfaConstraint at(tables, tokens, static_cast<std::int32_t>(ids.size()));
        walk(at);
      }
    });
    const auto saved = [&](bool guesses) {
      return tokens_per_step(ids, ends.at(0), DfaConstraint(tables, tokens, static_cast<std::int32_t>(ids.size())),
                             guesses);
    };
    std::cout << nlohmann::json{{"what", test["name"]},
                                {"vocab", tokens.size()},
                                {"states", tables->dfa().state_count()},
                                {"compile_seconds", compiled.median_cpu_seconds},
                                {"first_text_seconds", both.median_cpu_seconds},
                                {"forced_tokens_per_step", saved(false)},
                                {"spelled_tokens_per_step", saved(true)},
                                {"written_tokens_per_step", tokens_per_written_step(generator, test["text"], source)},
                                {"step_seconds",
                                 steps.median_cpu_seconds / kWalks / static_cast<double>(ids.size() + 1)}}
              << std::endl;
  }
}

}  // namespace fllm::bench
