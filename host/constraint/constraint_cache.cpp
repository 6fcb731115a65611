// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/constraint_cache.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "fundamentallm/result.h"
#include "host/constraint/constraint_source.h"
#include "host/constraint/device_automaton.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

constexpr std::size_t kMaxKept = 8;
constexpr std::int64_t kMaxVisits = std::int64_t{1} << 27;  // of nodes of the trie: some tenths of a second

}  // namespace

std::shared_ptr<ConstraintTables> ConstraintCache::tables(const ControlOptions& control,
                                                          std::span<const std::uint32_t> usable,
                                                          const std::vector<TokenId>& ends, MaskRows rows) {
  const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.source == control.constraint && entry.prefix == control.prefix && entry.ends == ends &&
           entry.rows == rows && std::equal(usable.begin(), usable.end(), entry.usable.begin(), entry.usable.end());
  });
  if (known != entries_.end()) {
    std::rotate(entries_.begin(), known, known + 1);
    return entries_.front().tables;
  }
  CompileBudget budget(source_name(control.constraint));
  ByteDfa dfa = compile_source(control.constraint, budget);
  if (!control.prefix.empty() && !dfa.is_empty()) {
    dfa = dfa.with_prefix(control.prefix);
    if (dfa.is_empty()) {
      throw Exception(ErrorCode::kInvalidArgument, "prefix: " + quoted_text(control.prefix) +
                                                       ": no text that matches " + budget.name() + " begins with it");
    }
  }
  if (rows == MaskRows::kAll) DeviceAutomaton::check_states(dfa.state_count());
  if (trie_ == nullptr) trie_ = std::make_shared<const TokenTrie>(*tokens_);
  ConstraintTables::Vocabulary vocabulary{trie_, {usable.begin(), usable.end()}, ends};
  auto tables = std::make_shared<ConstraintTables>(std::move(dfa), std::move(vocabulary), std::move(budget));
  if (rows == MaskRows::kAll && !tables->work_out(kMaxVisits)) {
    throw Exception(ErrorCode::kUnsupported,
                    source_name(control.constraint) + ": " + std::to_string(tables->dfa().state_count()) +
                        " states over " + std::to_string(tokens_->size()) +
                        " tokens: a beam search needs all their masks at once, which takes too long; fewer or shorter "
                        "repetitions are allowed");
  }
  if (entries_.size() == kMaxKept) entries_.pop_back();
  entries_.insert(entries_.begin(),
                  Entry{control.constraint, control.prefix, {usable.begin(), usable.end()}, ends, rows, tables});
  return tables;
}

}  // namespace fllm
