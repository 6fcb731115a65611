// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "tests/support/draft_loop_arrays.h"

namespace fllm::test {

/// Rooms of the shape's rows: none, some, or more than the draft model has drafts; and which of them it drafts for.
inline DraftLoopShape with_rooms(DraftLoopShape shape, std::mt19937& random) {
  std::int32_t places = 0;
  for (std::int32_t row = 0; row < shape.rows; ++row) {
    const auto one = static_cast<std::int32_t>(random() % 6);
    const std::int32_t more = shape.has_model && row % 4 == 3 ? 3 : 0;
    const std::int32_t some = 1 + static_cast<std::int32_t>(random() % 16) % shape.drafts;
    const std::int32_t room = row % 7 == 5 ? 0 : std::min((one < 3 ? some : shape.drafts) + more, kMaxDraftTokens);
    const bool draws = shape.has_model && room > 0 && room <= shape.drafts && (row == 0 || random() % 3 != 0);
    shape.rooms.push_back(room);
    shape.places.push_back(draws ? places++ : -1);
  }
  return shape;
}

/// A text of few words, some of them strange, more than a block has threads in some rows.
inline void give_text(DraftedRow& row, std::mt19937& random) {
  row.ngram = 1 + static_cast<std::int32_t>(random() % 16) % 5 * 3;
  const std::int32_t more = random() % 3 == 0 ? 500 : 0;
  row.text.prompt_count += more;
  row.text.limit += more;
  row.text.input_position += more;
  const unsigned kinds = 1 + static_cast<unsigned>(random() % 4);
  while (static_cast<std::int32_t>(row.words.size()) < row.text.prompt_count) {
    const unsigned word = random() % 12;
    row.words.push_back(word == 0 ? -5 : word == 1 ? kPlainVocab : static_cast<std::int32_t>(word % kinds * 3));
  }
  row.words.back() = row.text.input = static_cast<std::int32_t>(random() % kinds * 3);
  if (random() % 3 != 0) return;
  std::ranges::replace(row.words, row.text.input, kPlainVocab - 1);
  row.words.front() = row.words.back() = row.text.input;  // as nowhere else
}

/// A row of any kind; of the draft model where it has a place.
inline DraftedRow random_drafted_row(std::mt19937& random, const PlainAutomaton& automaton, std::int32_t room,
                                     std::int32_t place) {
  const bool draws = place >= 0;
  DraftedRow row;
  row.room = room;
  row.place = place;
  row.text = random_plain_row(random);
  row.text.prompt_count += 1;  // of a row that drafts something has been drawn
  row.text.input_position += 1;
  row.text.limit += 1 + static_cast<std::int32_t>(random() % 60);
  row.coupled = random() % 2 == 0;
  row.penalised = random() % 2 == 0;
  row.before = static_cast<std::int32_t>(random() % kPlainVocab);
  if (draws || random() % 5 != 0) {
    const bool automatic = room > 1 && random() % 3 == 0;  // of which some come to want more than there is
    const std::int32_t most = std::max(room, 1);
    row.length = DraftLength(automatic ? 0 : 1 + static_cast<std::int32_t>(random() % 16) % most, 40, 4);
    for (DraftLength more = row.length; automatic && room < DraftLength::kMostAutomatic && more.next() <= room;) {
      row.length = more;  // such that one more that is accepted makes it want more
      more.took(1, 1);
    }
    row.spelling = DraftLength(automatic ? 0 : row.length.next(), 0, static_cast<std::int32_t>(random() % 5));
    if (!draws && random() % 2 == 0) row.text.end_ids.push_back(automaton.forced[random() % 2 == 0 ? 4 : random() % 9]);
    if (!draws && random() % 4 != 0) row.most = automatic ? DraftLength::most(0) : row.length.next();
    if (!draws && (row.most == 0 || random() % 3 != 0)) {
      give_text(row, random);
    } else if (draws) {
      row.reach = random() % 2 == 0 ? row.token_count() + static_cast<std::int32_t>(random() % 6) : 1000;
    }
  }
  for (std::int32_t id = 0; id < kPlainVocab; id += 1 + static_cast<std::int32_t>(random() % 5))
    row.prompt.push_back(id);
  return row;
}

}  // namespace fllm::test
