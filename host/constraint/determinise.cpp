// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/determinise.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace fllm {
namespace {

constexpr std::int32_t kNone = -1;

/// Sets of states, each once, in the order they came up.
class StateSets {
 public:
  explicit StateSets(CompileBudget& budget) : budget_(budget), buckets_(1024, kNone) {}

  [[nodiscard]] std::int32_t count() const { return static_cast<std::int32_t>(first_.size()) - 1; }
  [[nodiscard]] std::span<const std::int32_t> at(std::int32_t id) const {
    const auto place = static_cast<std::size_t>(id);
    return std::span(members_).subspan(first_[place], first_[place + 1] - first_[place]);
  }

  std::int32_t id_of(std::span<const std::int32_t> members) {
    budget_.take_steps(members.size() + 1);
    const std::uint64_t hash = hash_of(members);
    std::size_t bucket = hash & (buckets_.size() - 1);
    for (; buckets_[bucket] != kNone; bucket = (bucket + 1) & (buckets_.size() - 1)) {
      const std::int32_t id = buckets_[bucket];
      if (hashes_[static_cast<std::size_t>(id)] != hash) continue;
      const auto known = at(id);
      if (std::equal(known.begin(), known.end(), members.begin(), members.end())) return id;
    }
    budget_.check_dfa_states(hashes_.size() + 1);
    members_.insert(members_.end(), members.begin(), members.end());
    first_.push_back(members_.size());
    hashes_.push_back(hash);
    buckets_[bucket] = count() - 1;
    if (hashes_.size() * 2 > buckets_.size()) grow();
    return count() - 1;
  }

 private:
  static std::uint64_t hash_of(std::span<const std::int32_t> members) {
    std::uint64_t hash = 0x9E3779B97F4A7C15;
    for (const std::int32_t member : members) {
      hash = (hash ^ static_cast<std::uint64_t>(member)) * 0xBF58476D1CE4E5B9;
      hash ^= hash >> 29;
    }
    return hash;
  }

  void grow() {
    buckets_.assign(buckets_.size() * 2, kNone);
    for (std::size_t id = 0; id < hashes_.size(); ++id) {
      std::size_t bucket = hashes_[id] & (buckets_.size() - 1);
      while (buckets_[bucket] != kNone) bucket = (bucket + 1) & (buckets_.size() - 1);
      buckets_[bucket] = static_cast<std::int32_t>(id);
    }
  }

  CompileBudget& budget_;
  std::vector<std::int32_t> members_;
  std::vector<std::size_t> first_{0};
  std::vector<std::uint64_t> hashes_;
  std::vector<std::int32_t> buckets_;
};

/// Adds states and all that free moves reach from them, each once; keeps those that read a byte or accept.
class Closure {
 public:
  Closure(const Nfa& nfa, CompileBudget& budget)
      : nfa_(nfa), budget_(budget), seen_(static_cast<std::size_t>(nfa.state_count()), 0) {}

  /// Ascending.
  std::span<const std::int32_t> of(std::span<const std::int32_t> states) {
    ++round_;
    found_.clear();
    for (const std::int32_t state : states) push(state);
    while (!open_.empty()) {
      const std::int32_t id = open_.back();
      open_.pop_back();
      budget_.take_steps(1);
      const Nfa::State& state = nfa_.state(id);
      if (state.edges != kNone || id == Nfa::kAccept) found_.push_back(id);
      for (std::int32_t move = state.moves; move != kNone; move = nfa_.move(move).next) push(nfa_.move(move).to);
    }
    std::sort(found_.begin(), found_.end());
    return found_;
  }

 private:
  void push(std::int32_t state) {
    auto& seen = seen_[static_cast<std::size_t>(state)];
    budget_.take_steps(1);
    if (seen == round_) return;
    seen = round_;
    open_.push_back(state);
  }

  const Nfa& nfa_;
  CompileBudget& budget_;
  std::vector<std::uint32_t> seen_;  // [states]: the round that saw it
  std::vector<std::int32_t> open_, found_;
  std::uint32_t round_ = 0;
};

/// Bytes that no edge tells apart. Classes are numbered in the order of the bytes, each a stretch of them.
void set_classes(const Nfa& nfa, TransitionList& out) {
  std::array<bool, 257> starts{};
  for (const Nfa::Edge& edge : nfa.edges()) {
    starts[edge.first] = true;
    starts[std::size_t{edge.last} + 1] = true;
  }
  std::uint8_t current = 0;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    if (byte > 0 && starts[byte]) ++current;
    out.class_of[byte] = current;
  }
  out.class_count = current + 1;
}

}  // namespace

TransitionList determinise(const Nfa& nfa, CompileBudget& budget) {
  TransitionList out;
  set_classes(nfa, out);
  StateSets sets(budget);
  Closure closure(nfa, budget);
  const std::array start{Nfa::kStart};
  sets.id_of(closure.of(start));
  std::vector<std::vector<std::int32_t>> targets(static_cast<std::size_t>(out.class_count));
  for (std::int32_t id = 0; id < sets.count(); ++id) {
    bool accepts = false;
    std::size_t first_class = targets.size(), last_class = 0;
    for (const std::int32_t member : sets.at(id)) {
      accepts = accepts || member == Nfa::kAccept;
      for (std::int32_t at = nfa.state(member).edges; at != kNone; at = nfa.edge(at).next) {
        const Nfa::Edge& edge = nfa.edge(at);
        const std::size_t low = out.class_of[edge.first], high = out.class_of[edge.last];
        budget.take_steps(high - low + 1);
        for (std::size_t c = low; c <= high; ++c) targets[c].push_back(edge.to);
        first_class = std::min(first_class, low);
        last_class = std::max(last_class, high);
      }
    }
    out.accepting.push_back(accepts ? 1 : 0);
    std::int32_t same = kNone;  // where the class before leads, whose states `before` are
    const std::vector<std::int32_t>* before = nullptr;
    for (std::size_t c = first_class; c <= last_class && c < targets.size(); ++c) {
      if (targets[c].empty()) continue;
      if (before == nullptr || *before != targets[c]) same = sets.id_of(closure.of(targets[c]));
      before = &targets[c];
      budget.take_steps(1);
      out.transitions.push_back({id, same, static_cast<std::uint8_t>(c)});
    }
    for (std::size_t c = first_class; c <= last_class && c < targets.size(); ++c) targets[c].clear();
  }
  out.state_count = sets.count();
  return out;
}

}  // namespace fllm
