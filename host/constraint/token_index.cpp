// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/token_index.h"

#include <utility>

namespace fllm {

TokenIndex::TokenIndex(std::vector<std::string> token_bytes) : bytes_(std::move(token_bytes)) {
  for (TokenId id = 0; id < size(); ++id) {
    if (!bytes(id).empty()) by_first_byte_[static_cast<unsigned char>(bytes(id).front())].push_back(id);
  }
}

}  // namespace fllm
