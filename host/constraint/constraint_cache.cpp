// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/constraint_cache.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <future>
#include <mutex>
#include <string>
#include <utility>

#include "fundamentallm/result.h"
#include "host/constraint/constraint_source.h"
#include "host/constraint/device_automaton.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

constexpr std::ptrdiff_t kMaxKept = 8;
constexpr std::int64_t kMaxVisits = std::int64_t{1} << 27;  // of nodes of the trie: some tenths of a second

}  // namespace

std::shared_future<std::shared_ptr<ConstraintTables>> ConstraintCache::soon(const ControlOptions& control,
                                                                            std::span<const std::uint32_t> usable,
                                                                            const std::vector<TokenId>& ends,
                                                                            MaskRows rows) {
  Key key{control.constraint, control.prefix, {usable.begin(), usable.end()}, ends, rows};
  std::promise<Tables> promise;
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    const auto known = std::ranges::find_if(entries_, [&](const auto& kept) { return kept->key == key; });
    if (known != entries_.end()) {
      std::rotate(entries_.begin(), known, known + 1);
      return entries_.front()->tables;
    }
    entry = std::make_shared<Entry>(Entry{std::move(key), promise.get_future().share()});
    entries_.insert(entries_.begin(), entry);
  }
  try {
    promise.set_value(compile(entry->key));
  } catch (...) {
    promise.set_exception(std::current_exception());
    const std::lock_guard lock(mutex_);
    std::erase(entries_, entry);
    return entry->tables;
  }
  keep(*entry);
  return entry->tables;
}

/// What is being compiled, and may be refused, takes nothing's place.
void ConstraintCache::keep(Entry& entry) {
  const std::lock_guard lock(mutex_);
  entry.is_done = true;
  const auto is_done = [](const auto& kept) { return kept->is_done; };
  if (std::ranges::count_if(entries_, is_done) <= kMaxKept) return;
  entries_.erase(std::find_if(entries_.rbegin(), entries_.rend(), is_done).base() - 1);
}

ConstraintCache::Tables ConstraintCache::compile(const Key& key) {
  CompileBudget budget(source_name(key.source));
  ByteDfa dfa = compile_source(key.source, budget);
  if (!key.prefix.empty() && !dfa.is_empty()) {
    dfa = dfa.with_prefix(key.prefix);
    if (dfa.is_empty()) {
      throw Exception(ErrorCode::kInvalidArgument, "prefix: " + quoted_text(key.prefix) + ": no text that matches " +
                                                       budget.name() + " begins with it");
    }
  }
  if (key.rows == MaskRows::kAll) DeviceAutomaton::check_states(dfa.state_count(), budget.name());
  ConstraintTables::Vocabulary vocabulary{tokens_->trie(), key.usable, key.ends};
  auto tables = std::make_shared<ConstraintTables>(std::move(dfa), std::move(vocabulary), std::move(budget));
  if (key.rows == MaskRows::kAll && !tables->work_out(kMaxVisits)) {
    throw Exception(ErrorCode::kUnsupported,
                    source_name(key.source) + ": " + std::to_string(tables->dfa().state_count()) + " states over " +
                        std::to_string(tokens_->size()) +
                        " tokens: a beam search needs all their masks at once, which takes too long; fewer or shorter "
                        "repetitions are allowed");
  }
  return tables;
}

}  // namespace fllm
