// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "host/constraint/custom_constraint.h"
#include "host/constraint/token_mask.h"
#include "tests/support/expect_error.h"

namespace fllm {
namespace {

/// Allows as many tokens as it is told to, whichever; its masks say yes to everything.
class Counted : public Constraint {
 public:
  explicit Counted(int most, std::string fails = "", int taken = 0)
      : most_(most), taken_(taken), fails_(std::move(fails)) {}

  void fill_mask(std::span<std::uint32_t> mask) override {
    maybe_fail("fill_mask");
    if (taken_ < most_) allow_all(mask);
  }
  bool advance(std::int32_t /*id*/) override {
    maybe_fail("advance");
    if (fails_ == "refuse") return false;
    ++taken_;
    return true;
  }
  void rollback(std::int32_t token_count) override {
    maybe_fail("rollback");
    taken_ -= token_count;
  }
  [[nodiscard]] std::unique_ptr<Constraint> fork() const override {
    if (fails_ == "fork now") throw std::runtime_error("no fork");
    if (fails_ == "nothing") return nullptr;
    return std::make_unique<Counted>(most_, fails_ == "fork" ? "fork now" : fails_, taken_);
  }
  [[nodiscard]] bool may_end() const override { return taken_ >= 2; }

 private:
  void maybe_fail(const char* call) const {
    if (fails_ == call && taken_ >= 1) throw std::runtime_error("it broke");
  }
  int most_, taken_;
  std::string fails_;
};

/// Token 3 is an end, 5 has no text, 1 is banned; ids from 40 on do not exist.
std::shared_ptr<const CustomSampleConstraint::Vocabulary> small_vocabulary() {
  std::vector<std::uint32_t> usable(2);
  allow_all(usable);
  forbid(usable, 1);
  std::vector<TokenId> textless{5};
  for (TokenId id = 40; id < 64; ++id) textless.push_back(id);
  return std::make_shared<const CustomSampleConstraint::Vocabulary>(
      CustomSampleConstraint::vocabulary(std::move(usable), {3}, textless));
}

std::vector<std::uint32_t> mask_of(CustomSampleConstraint& constraint) {
  std::vector<std::uint32_t> mask(2, 0x12345678);
  constraint.fill_mask(mask);
  return mask;
}

TEST(CustomConstraint, AllowsNothingButWhatMayBeDrawn) {
  CustomSampleConstraint at(Counted(3), small_vocabulary());
  const std::uint32_t text = ~0u & ~(1u << 1) & ~(1u << 3) & ~(1u << 5), high = 0xFF;
  EXPECT_EQ(mask_of(at), (std::vector<std::uint32_t>{text, high}));
  EXPECT_FALSE(at.may_end());
  for (const TokenId id : {1, 3, 5, 40, 63}) EXPECT_FALSE(at.advance(id)) << id;
  EXPECT_TRUE(at.advance(0));
  EXPECT_TRUE(at.advance(39));
  EXPECT_TRUE(at.may_end());
  EXPECT_EQ(mask_of(at), (std::vector<std::uint32_t>{text | 1u << 3, high}));
  EXPECT_TRUE(at.can_go_on());
  EXPECT_TRUE(at.advance(2));
  EXPECT_EQ(mask_of(at), (std::vector<std::uint32_t>{1u << 3, 0}));
  EXPECT_FALSE(at.can_go_on());
  EXPECT_FALSE(at.advance(2));
  at.rollback(2);
  EXPECT_FALSE(at.may_end());
  EXPECT_TRUE(at.can_go_on());
  EXPECT_TRUE(at.fault().empty());
}

TEST(CustomConstraint, ForksGoTheirOwnWay) {
  CustomSampleConstraint at(Counted(3), small_vocabulary());
  EXPECT_TRUE(at.advance(0));
  const auto copy = at.copy();
  EXPECT_TRUE(copy->advance(0));
  EXPECT_TRUE(copy->may_end());
  EXPECT_FALSE(at.may_end());
}

std::string fault_of_copy(const CustomSampleConstraint& at) {
  return static_cast<const CustomSampleConstraint&>(*at.copy()).fault();
}

TEST(CustomConstraint, AFaultAllowsNothingAndIsKept) {
  for (const char* call : {"fill_mask", "advance", "rollback", "refuse"}) {
    CustomSampleConstraint at(Counted(9, call), small_vocabulary());
    (void)at.advance(0);
    (void)at.advance(0);
    at.rollback(1);
    EXPECT_NE(at.fault().find(call == std::string("refuse") ? "token 0" : call), std::string::npos) << at.fault();
    EXPECT_EQ(mask_of(at), (std::vector<std::uint32_t>{0, 0})) << call;
    EXPECT_FALSE(at.may_end() || at.can_go_on()) << call;
    EXPECT_FALSE(at.advance(0));
    EXPECT_EQ(fault_of_copy(at), at.fault());
  }
  const CustomSampleConstraint at(Counted(9, "fork"), small_vocabulary());
  EXPECT_NE(fault_of_copy(at).find("fork: no fork"), std::string::npos);
  test::expect_error(ErrorCode::kInvalidArgument, {"fork: it gave nothing"},
                     [] { const CustomSampleConstraint none(Counted(9, "nothing"), small_vocabulary()); });
}

}  // namespace
}  // namespace fllm
