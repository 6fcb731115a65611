// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/token_index.h"

#include "host/constraint/token_trie.h"

namespace fllm {

std::shared_ptr<const TokenTrie> TokenIndex::trie() const {
  std::call_once(has_trie_, [&] { trie_ = std::make_shared<const TokenTrie>(*this); });
  return trie_;
}

}  // namespace fllm
