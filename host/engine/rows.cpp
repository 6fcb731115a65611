// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "host/engine/engine.h"

// Rows come and go between steps; each holds the blocks of its longest output from the beginning.
namespace fllm {

// All samples of a wave refer to the blocks its prompt fills; what comes after is each one's own.
void Engine::add_rows(const Wave& wave) {
  RequestState& request = *requests_.at(wave.request);
  if (!request.admitted) request.admitted = Clock::now();
  const Sequence* first = nullptr;
  for (std::int32_t i = 0; i < wave.sample_count; ++i) {
    auto row = std::make_unique<Sequence>(request, wave.first_sample + i, vocabulary_);
    row->blocks.reserve(static_cast<std::size_t>(request.need.shared_blocks) +
                        static_cast<std::size_t>(request.need.own_blocks));
    for (std::int32_t block = 0; block < request.need.shared_blocks; ++block) {
      if (first != nullptr) cache_.share(first->blocks[static_cast<std::size_t>(block)]);
      row->blocks.push_back(first != nullptr ? first->blocks[static_cast<std::size_t>(block)] : cache_.take());
    }
    for (std::int32_t block = 0; block < request.need.own_blocks; ++block) row->blocks.push_back(cache_.take());
    rows_.push_back(std::move(row));
    if (first == nullptr) first = rows_.back().get();
  }
  rows_changed_ = true;
}

std::int32_t Engine::queue_block_copies(std::size_t first, std::size_t end) {
  const auto partial = static_cast<std::size_t>(rows_[first]->request().need.shared_blocks);
  if (rows_[first]->request().prompt.size() % kKvBlockTokens == 0) return 0;
  batch_.copy_source.assign(end - first - 1, rows_[first]->blocks[partial]);
  batch_.copy_destination.clear();
  for (std::size_t row = first + 1; row < end; ++row) batch_.copy_destination.push_back(rows_[row]->blocks[partial]);
  workspace_.copy_source.upload(batch_.copy_source);
  workspace_.copy_destination.upload(batch_.copy_destination);
  return static_cast<std::int32_t>(batch_.copy_destination.size());
}

void Engine::remove_finished_rows() {
  const auto removed = std::erase_if(rows_, [this](const std::unique_ptr<Sequence>& row) {
    if (row->finish_reason() == FinishReason::kNone) return false;
    for (const std::int32_t block : row->blocks) cache_.release(block);
    return true;
  });
  rows_changed_ = rows_changed_ || removed > 0;
}

}  // namespace fllm
