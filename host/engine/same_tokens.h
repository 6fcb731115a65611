// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "host/tokenizer/tokenizer.h"

namespace fllm {

/// What two models must agree on for one to guess ids of the other: as many tokens, each with the same bytes and name, special
/// in both or in none. Exception(kInvalidArgument) with the first that differs. path: of the draft model, for the message.
void require_same_tokens(const Tokenizer& target, const Tokenizer& draft, const std::string& path);

}  // namespace fllm
