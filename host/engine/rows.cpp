// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/engine/engine.h"

// Rows come and go between steps; each holds the blocks of its longest output from the beginning.
namespace fllm {

void Engine::admit(EngineOutput& output) {
  while (!scheduler_.empty() && rows_in_use() < capacity_.rows) {
    const RequestId next = scheduler_.next();
    const RequestState& request = *requests_.at(next);
    try {
      if (request.beam && !beams_.has_room(*request.beam)) return;
    } catch (const Exception& fault) {  // there is no memory for any search
      const Error error{fault.code(), std::string("admission failed: ") + fault.what()};
      end(next, &error, output);
      continue;
    }
    find_prefix(request);
    std::int32_t idle = 0;  // of the blocks found: they are free until they are shared
    for (const std::int32_t block : found_) idle += cache_.idle(block) ? 1 : 0;
    const Wave wave = scheduler_.admit(
        {capacity_.rows - rows_in_use(), cache_.free_block_count() - idle, capacity_.logit_rows - logit_rows_in_use(),
         draft_model_ ? draft_model_->free_block_count() : 0},
        static_cast<std::int32_t>(found_.size()));
    if (wave.sample_count == 0) return;
    try {
      add_rows(wave);
    } catch (const std::exception& fault) {  // the host's memory is exhausted: this request goes, the others stay
      const Error error{ErrorCode::kOutOfMemory, std::string("admission failed: ") + fault.what()};
      end(next, &error, output);
    }
  }
}

void Engine::find_prefix(const RequestState& request) {
  found_.clear();
  if (!prefix_cache_) return;
  std::int32_t parent = PrefixIndex::kNone;
  for (std::size_t i = 0; i < static_cast<std::size_t>(request.need.shared_blocks); ++i) {
    parent = prefixes_.find(parent, request.prompt_hashes[i], request.prompt_block(i));
    if (parent == PrefixIndex::kNone) return;
    found_.push_back(parent);
  }
}

// The first row of a wave reads the prompt. The others hold the blocks of their own and wait for the rest.
void Engine::add_rows(const Wave& wave) {
  RequestState& request = *requests_.at(wave.request);
  if (!request.admitted) request.admitted = Clock::now();
  const auto shared = static_cast<std::size_t>(request.need.shared_blocks);
  rows_changed_ = true;
  for (std::int32_t i = 0; i < wave.sample_count; ++i) {
    auto row = std::make_unique<Sequence>(request, wave.first_sample + i, vocabulary_);
    row->blocks.assign(shared + static_cast<std::size_t>(request.need.own_blocks), kNoBlock);
    row->waits = i > 0;
    waiting_count_ += row->waits ? 1 : 0;
    Sequence& added = *rows_.emplace_back(std::move(row));
    reserve_drafts(added);
    if (!added.waits) {
      for (std::size_t block = 0; block < found_.size(); ++block) cache_.share(added.blocks[block] = found_[block]);
      added.cached = static_cast<std::int32_t>(found_.size()) * kKvBlockTokens;
      count_prefix_hit(added, added.cached);
    }
    for (std::size_t block = added.waits ? shared : found_.size(); block < added.blocks.size(); ++block) {
      added.blocks[block] = cache_.take();
    }
  }
  if (request.beam) add_search(request);
}

// Of a request that enters in several waves the first one tells: the later ones share what it read.
void Engine::count_prefix_hit(const Sequence& row, std::int32_t tokens) {
  counters_.prefix_hit_tokens += tokens;
  if (row.sample() == 0) row.request().completion.usage.cached_tokens += tokens;
}

// The rows after the leader refer to the blocks its prompt fills and copy the one it fills in part. What they lack then is
// the last token of the prompt, so they go on like rows that draw.
void Engine::share_prompt(std::size_t leader) {
  const Sequence& first = *rows_[leader];
  const auto shared = static_cast<std::size_t>(first.request().need.shared_blocks);
  const auto prompt_count = static_cast<std::int32_t>(first.request().prompt.size());
  batch_.copy_source.clear();
  batch_.copy_destination.clear();
  for (std::size_t i = leader + 1; i < rows_.size() && rows_[i]->waits; ++i) {
    Sequence& row = *rows_[i];
    for (std::size_t block = 0; block < shared; ++block) cache_.share(row.blocks[block] = first.blocks[block]);
    batch_.copy_source.push_back(first.blocks[shared]);
    batch_.copy_destination.push_back(row.blocks[shared]);
    row.cached = prompt_count - 1;
    row.waits = false;
    --waiting_count_;
  }
  rows_changed_ = true;
  const std::int32_t partial = prompt_count - 1 - static_cast<std::int32_t>(shared) * kKvBlockTokens;
  if (partial == 0) return;
  workspace_.copy_source.upload(batch_.copy_source);
  workspace_.copy_destination.upload(batch_.copy_destination);
  cache_.copy(*backend_, workspace_.copy_source.data(), workspace_.copy_destination.data(),
              static_cast<std::int32_t>(batch_.copy_destination.size()), partial);
}

// The last block first: of a prefix that is kept, its end is given up before its beginning.
void Engine::remove_finished_rows() {
  const auto removed = std::erase_if(rows_, [this](const std::unique_ptr<Sequence>& row) {
    if (row->finish_reason() == FinishReason::kNone) return false;
    loop_.remove(*row);
    release_blocks(*row);
    if (row->drafts != nullptr && !row->drafts->blocks.empty()) draft_model_->release(*row);
    waiting_count_ -= row->waits ? 1 : 0;
    if (BeamRun* run = beams_.find(row->request())) remove_search(*run);  // its prompt was still being read
    return true;
  });
  rows_changed_ = rows_changed_ || removed > 0;
}

void Engine::release_blocks(const Sequence& row) {
  for (auto block = row.blocks.rbegin(); block != row.blocks.rend(); ++block) {
    if (*block != kNoBlock) cache_.release(*block);
  }
}

}  // namespace fllm
