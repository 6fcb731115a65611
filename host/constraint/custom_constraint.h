// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/constraint/constraint.h"

namespace fllm {

/// A constraint of the caller's, which is not trusted: its masks are cut to what may be drawn, ends come from may_end, and after an
/// exception, or a token that it allowed and then refused, nothing is allowed any more and fault() says why.
class CustomSampleConstraint : public SampleConstraint {
 public:
  struct Vocabulary {
    std::vector<std::uint32_t> usable;  // allow mask of what may be drawn at all, as text or as an end
    std::vector<std::uint32_t> text;    // of those that are no ends
    std::vector<TokenId> ends;
  };
  /// usable: allow mask of the vocabulary; textless: ids without text, which are ends or nothing.
  [[nodiscard]] static Vocabulary vocabulary(std::vector<std::uint32_t> usable, std::vector<TokenId> ends,
                                             const std::vector<TokenId>& textless);

  /// The place of `from`, which is forked.
  CustomSampleConstraint(const Constraint& from, std::shared_ptr<const Vocabulary> vocabulary);

  void fill_mask(std::span<std::uint32_t> mask) override;
  bool advance(TokenId id) override;
  void rollback(std::int32_t token_count) override;
  [[nodiscard]] std::unique_ptr<SampleConstraint> copy() const override;
  [[nodiscard]] bool may_end() const override { return look_.may_end; }
  [[nodiscard]] bool can_go_on() override { return look_.can_go_on; }
  [[nodiscard]] std::optional<TokenId> forced() override;
  /// What text may come is not known.
  [[nodiscard]] std::optional<TokenId> spelled() override { return std::nullopt; }
  /// Empty: none.
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  /// What it said of the place it is at.
  struct Look {
    std::vector<std::uint32_t> mask;
    bool may_end = false, can_go_on = false;
  };
  CustomSampleConstraint() = default;
  template <class Call>
  void guarded(const char* name, const Call& call);
  void look();

  std::unique_ptr<Constraint> inner_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  Look look_;
  std::string fault_;
};

}  // namespace fllm
