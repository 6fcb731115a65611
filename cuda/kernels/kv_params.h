// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// Where keys and values of sequences lie.
namespace fllm {

constexpr std::int32_t kKvBlockTokens = 16;

/// Keys and values of one layer, in fixed blocks: element (block, t, c) at data + (block * kKvBlockTokens + t) * width + c.
struct KvLayer {
  float* keys = nullptr;
  float* values = nullptr;
  std::int32_t width = 0;  // key heads * head_dim
};

/// How a beam reads its sequence: positions of the prompt from the table of the search's first beam, and each later one from
/// that of the beam that wrote it. See BeamSearch::ancestors.
struct KvPath {
  const void* ancestors =
      nullptr;                    // [later positions, width]: which beam wrote it; null: the row has a table of its own
  std::int32_t entry_bytes = 1;   // of an ancestor: 1 or 2
  std::int32_t width = 0;         // beams
  std::int32_t slot = 0;          // of the row's beam
  std::int32_t prompt_count = 0;  // positions before the ancestors' first
  std::int32_t first_sequence = 0;  // row of the block tables of beam 0; the others' follow
};

/// Where the rows of a batch find their sequence's blocks.
struct BlockTables {
  const std::int32_t* table = nullptr;  // [sequences, stride]: block of tokens [16 i, 16 i + 16)
  std::int64_t stride = 0;
  const std::int32_t* row_sequence = nullptr;  // [rows]: row of `table`
  const KvPath* paths = nullptr;               // [path_count], of the first rows, each with a row_sequence of its own
  std::int32_t path_count = 0;
};

}  // namespace fllm
