// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cuda/backend/backend.h"

namespace fllm {

/// The host's end of a TokenRing: memory both sides see, and how to read it while the device goes on.
///
/// The device stores a row's word behind all the row wrote before (a release of the whole system), the host loads it with
/// acquire; a word is complete in itself and the host empties it, so no counter is needed, and no order between words. The
/// host's emptying comes before the launch of whatever writes the word again.
class RingReader {
 public:
  /// words: of a step, at least rows.
  RingReader(Backend& backend, std::int32_t depth, std::int32_t rows, std::int32_t words);

  [[nodiscard]] const TokenRing& ring() const { return ring_; }
  /// Waits for the words of a slot, those of each row from its element of firsts on, and empties it; words that do not come in
  /// this step are kEmptyWord. Copies nothing, and blocks no stream. Errors: the device's; Exception(kInternal) when it has nothing
  /// left to do and a word has not come.
  void take(std::int32_t slot, std::span<const std::int32_t> firsts, std::span<std::uint32_t> words);
  /// Of a row whose word said that it finishes.
  [[nodiscard]] double final_sum(std::size_t row) const { return static_cast<const double*>(finals_->on_host())[row]; }
  /// Sums behind all words of a slot. Waits for the device: for rows that the host ends.
  [[nodiscard]] std::span<const double> sums(std::int32_t slot);

 private:
  [[nodiscard]] std::uint32_t wait_for(std::uint32_t& word);

  Backend* backend_;
  std::unique_ptr<VisibleMemory> words_;   // [depth, words]
  std::unique_ptr<VisibleMemory> finals_;  // [rows]
  DeviceArray<double> sums_;               // [depth, words]
  std::vector<double> downloaded_;         // [words]
  TokenRing ring_;
};

}  // namespace fllm
