// SPDX-License-Identifier: Apache-2.0
#include "tests/support/filter_tables.h"

#include <algorithm>
#include <sstream>

namespace fllm::test {
namespace {

constexpr std::int32_t kNobodysToken = 3;  // an id, so that reading it would show

template <class T>
DeviceArray<T> uploaded(Backend& backend, const std::vector<T>& values) {
  DeviceArray<T> array(backend, std::max<std::size_t>(values.size(), 1));
  array.upload(values);
  return array;
}

template <class T>
GuardedArray<T> guarded(Backend& backend, const std::vector<T>& values) {
  GuardedArray<T> array(backend, values.size());
  array.upload(values);
  return array;
}

}  // namespace

std::string FilterCase::describe() const {
  std::ostringstream text;
  text.precision(9);
  text << (has_slot ? "history of " : "no slot, history of ") << history.size() << " from " << values.history_begin
       << ", " << words.size() << " words, n-gram " << values.no_repeat_ngram << ", DRY " << values.dry_multiplier
       << " * " << values.dry_base << " from " << values.dry_allowed_length << ", range " << values.dry_range << ", "
       << breakers.size() << " breakers, sigma " << values.top_n_sigma << ", typical " << values.typical_p << ", XTC "
       << values.xtc_probability << " above " << values.xtc_threshold << ", mirostat " << values.mirostat_tau << ", "
       << values.mirostat_eta << ", mu " << mu;
  return text.str();
}

void FilterTables::add(const FilterCase& row) {
  const auto index = static_cast<std::int32_t>(rows_.size()), length = static_cast<std::int32_t>(row.history.size());
  RowFilters values = row.values;
  values.slot = row.has_slot ? slot_of(index) : index % 2 == 0 ? -1 : std::numeric_limits<std::int32_t>::max();
  values.bad_words.begin = static_cast<std::int32_t>(word_offsets_.size()) - 1;
  for (const std::vector<std::int32_t>& word : row.words) {
    word_ids_.insert(word_ids_.end(), word.begin(), word.end());
    word_offsets_.push_back(static_cast<std::int32_t>(word_ids_.size()));
  }
  values.bad_words.end = static_cast<std::int32_t>(word_offsets_.size()) - 1;
  values.dry_breakers.begin = static_cast<std::int32_t>(breaker_ids_.size());
  breaker_ids_.insert(breaker_ids_.end(), row.breakers.begin(), row.breakers.end());
  values.dry_breakers.end = static_cast<std::int32_t>(breaker_ids_.size());
  rows_.push_back(values);

  const auto capacity = static_cast<std::size_t>(capacity_);
  state_.tokens.resize(state_.tokens.size() + capacity, kNobodysToken);
  state_.lengths.push_back(capacity_);
  state_.mus.push_back(1);
  state_.tokens.insert(state_.tokens.end(), row.history.begin(), row.history.end());
  state_.tokens.resize(state_.tokens.size() + capacity - row.history.size(), kNobodysToken);
  state_.lengths.push_back(length == capacity_ ? length + index % 2 * 1000 : length > 0 ? length : -(index % 3));
  state_.mus.push_back(row.mu);
}

FilterParams FilterTables::host_params() const {
  auto& state = const_cast<SequenceState&>(state_);  // the oracle writes nothing
  const SequenceTable sequences{state.tokens.data(), state.lengths.data(), state.mus.data(), capacity_,
                                static_cast<std::int32_t>(state.lengths.size())};
  return {rows_.data(), sequences, word_offsets_.data(), word_ids_.data(), breaker_ids_.data()};
}

DeviceFilters::DeviceFilters(Backend& backend, const FilterTables& tables)
    : capacity_(tables.capacity_),
      rows_(uploaded(backend, tables.rows_)),
      tokens_(guarded(backend, tables.state_.tokens)),
      lengths_(guarded(backend, tables.state_.lengths)),
      mus_(guarded(backend, tables.state_.mus)),
      word_offsets_(uploaded(backend, tables.word_offsets_)),
      word_ids_(uploaded(backend, tables.word_ids_)),
      breaker_ids_(uploaded(backend, tables.breaker_ids_)) {}

FilterParams DeviceFilters::params() const {
  const SequenceTable sequences{tokens_.data(), lengths_.data(), mus_.data(), capacity_,
                                static_cast<std::int32_t>(lengths_.size())};
  return {rows_.data(), sequences, word_offsets_.data(), word_ids_.data(), breaker_ids_.data()};
}

SequenceState DeviceFilters::download() const {
  return {tokens_.download("sequence tokens"), lengths_.download("sequence lengths"),
          mus_.download("mirostat's state")};
}

}  // namespace fllm::test
