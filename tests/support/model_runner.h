// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "cuda/backend/backend.h"
#include "host/model/forward.h"
#include "host/model/kv_cache.h"
#include "host/model/model.h"

namespace fllm::test {

/// A piece of a sequence fed in one step.
struct Piece {
  std::int32_t sequence = 0;
  std::int32_t begin = 0;  // position of the first token
  std::vector<std::int32_t> tokens;
};

/// Runs a model step by step over sequences whose blocks lie in a shuffled order.
class ModelRunner {
 public:
  ModelRunner(Backend& backend, const Model& model, std::int32_t sequences, std::uint32_t seed)
      : backend_(backend),
        model_(model),
        blocks_(KvCache::blocks_for(model.config.sequence_length)),
        cache_(backend, model.config, sequences * blocks_) {
    std::vector<std::int32_t> order;
    while (cache_.free_block_count() > 0) order.push_back(cache_.take());
    std::shuffle(order.begin(), order.end(), std::mt19937(seed));
    table_ = to_device(order);
  }

  /// Logits of every token of a step, in the order of the pieces: [tokens, vocab].
  std::vector<float> step(const std::vector<Piece>& pieces) {
    std::vector<std::int32_t> tokens, positions, sequences;
    for (const Piece& piece : pieces) {
      for (std::size_t i = 0; i < piece.tokens.size(); ++i) {
        tokens.push_back(piece.tokens[i]);
        positions.push_back(piece.begin + static_cast<std::int32_t>(i));
        sequences.push_back(piece.sequence);
      }
    }
    const auto rows = static_cast<std::int32_t>(tokens.size());
    const auto device_tokens = to_device(tokens), device_positions = to_device(positions),
               device_sequences = to_device(sequences);
    const ForwardBatch batch{
        rows, device_tokens.data(), device_positions.data(), {table_.data(), blocks_, device_sequences.data()}, nullptr,
        rows};
    return run(batch);
  }

  /// The same for chosen rows only.
  std::vector<float> run(const ForwardBatch& batch) {
    const ForwardWorkspace workspace(backend_, model_.config, batch.rows);
    const std::int32_t vocab = model_.config.vocab_size;
    const DeviceArray<float> logits(backend_, static_cast<std::size_t>(batch.logit_row_count) * vocab);
    forward(backend_, model_, batch, cache_, workspace, {logits.data(), batch.logit_row_count, vocab, vocab});
    std::vector<float> result(logits.size());
    backend_.download(result.data(), logits.data(), result.size() * sizeof(float));
    backend_.synchronize();
    return result;
  }

  DeviceArray<std::int32_t> to_device(const std::vector<std::int32_t>& values) {
    DeviceArray<std::int32_t> array(backend_, values.size());
    array.upload(values);
    return array;
  }
  [[nodiscard]] BlockTables tables(const std::int32_t* row_sequence) const {
    return {table_.data(), blocks_, row_sequence};
  }

 private:
  Backend& backend_;
  const Model& model_;
  std::int32_t blocks_;  // of a sequence
  KvCache cache_;
  DeviceArray<std::int32_t> table_;  // [sequences, blocks_]
};

}  // namespace fllm::test
