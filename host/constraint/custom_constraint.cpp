// SPDX-License-Identifier: Apache-2.0
#include "host/constraint/custom_constraint.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "fundamentallm/result.h"
#include "host/constraint/token_mask.h"

namespace fllm {

CustomSampleConstraint::Vocabulary CustomSampleConstraint::vocabulary(std::vector<std::uint32_t> usable,
                                                                      std::vector<TokenId> ends,
                                                                      const std::vector<TokenId>& textless) {
  Vocabulary made{std::move(usable), {}, std::move(ends)};
  made.text = made.usable;
  for (const TokenId id : made.ends) forbid(made.text, id);
  for (const TokenId id : textless) forbid(made.text, id);
  return made;
}

/// After a fault nothing is asked of it any more.
template <class Call>
void CustomSampleConstraint::guarded(const char* name, const Call& call) {
  if (!fault_.empty()) return;
  try {
    call();
  } catch (const std::exception& error) {
    fault_ = std::string(name) + ": " + error.what();
    look_.may_end = look_.can_go_on = false;
    forbid_all(look_.mask);
  }
}

CustomSampleConstraint::CustomSampleConstraint(const Constraint& from, std::shared_ptr<const Vocabulary> vocabulary)
    : inner_(from.fork()), vocabulary_(std::move(vocabulary)) {
  if (inner_ == nullptr) throw Exception(ErrorCode::kInvalidArgument, "fork: it gave nothing");
  look_.mask.resize(vocabulary_->usable.size());
  look();
}

std::unique_ptr<SampleConstraint> CustomSampleConstraint::copy() const {
  std::unique_ptr<CustomSampleConstraint> made(new CustomSampleConstraint());
  made->vocabulary_ = vocabulary_;
  made->look_ = look_;
  made->fault_ = fault_;
  made->guarded("fork", [&] {
    made->inner_ = inner_->fork();
    if (made->inner_ == nullptr) throw Exception(ErrorCode::kInvalidArgument, "it gave nothing");
  });
  return made;
}

// Where the text stands is asked once, whoever wants to know how often.
void CustomSampleConstraint::look() {
  guarded("fill_mask", [&] {
    forbid_all(look_.mask);
    inner_->fill_mask(look_.mask);
  });
  guarded("may_end", [&] { look_.may_end = inner_->may_end(); });
  if (!fault_.empty()) return;
  look_.can_go_on = false;
  for (std::size_t word = 0; word < look_.mask.size(); ++word) {
    look_.mask[word] &= vocabulary_->text[word];
    look_.can_go_on = look_.can_go_on || look_.mask[word] != 0;
  }
  if (!look_.may_end) return;
  for (const TokenId id : vocabulary_->ends) {
    if (is_allowed(vocabulary_->usable, id)) allow(look_.mask, id);
  }
}

void CustomSampleConstraint::fill_mask(std::span<std::uint32_t> mask) {
  std::copy(look_.mask.begin(), look_.mask.end(), mask.begin());
}

std::optional<TokenId> CustomSampleConstraint::forced() { return only_allowed(look_.mask); }

bool CustomSampleConstraint::advance(TokenId id) {
  if (!is_allowed(look_.mask, id) || !is_allowed(vocabulary_->text, id)) return false;
  guarded("advance", [&] {
    if (!inner_->advance(id)) {
      throw Exception(ErrorCode::kInvalidArgument,
                      "token " + std::to_string(id) + ", which its mask allows, is refused");
    }
  });
  look();
  return fault_.empty();
}

void CustomSampleConstraint::rollback(std::int32_t token_count) {
  guarded("rollback", [&] { inner_->rollback(token_count); });
  look();
}

}  // namespace fllm
