// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fundamentallm/constraint.h"
#include "tests/engine/bundled_model.h"

// A constraint of the caller's own, as a C++ program gives it.
namespace fllm::test {
namespace {

/// So many times one token; after `good` of them it throws.
class Repeated : public Constraint {
 public:
  Repeated(TokenId id, int most, int good = 1000, int taken = 0) : id_(id), most_(most), good_(good), taken_(taken) {}

  void fill_mask(std::span<std::uint32_t> mask) override {
    if (taken_ >= good_) throw std::runtime_error("worn out");
    if (taken_ < most_) mask[static_cast<std::size_t>(id_) / 32] |= 1u << (static_cast<unsigned>(id_) % 32);
  }
  bool advance(std::int32_t id) override { return id == id_ && ++taken_ <= most_; }
  void rollback(std::int32_t token_count) override { taken_ -= token_count; }
  [[nodiscard]] std::unique_ptr<Constraint> fork() const override {
    return std::make_unique<Repeated>(id_, most_, good_, taken_);
  }
  [[nodiscard]] bool may_end() const override { return taken_ == most_; }

 private:
  TokenId id_;
  int most_, good_, taken_;
};

TEST(CustomConstraint, HoldsItsOwnRequestAlone) {
  Generator generator = open_bundled();
  const TokenId letter = generator.encode("o").value().at(0);
  EXPECT_EQ(generator.token_bytes().at(static_cast<std::size_t>(letter)), "o");
  Request held = request_for("ROMEO:"), broken = held, free = request_for("ROMEO:", 9);
  held.num_samples = 3;
  held.control.constraint = CustomConstraint{std::make_shared<const Repeated>(letter, 4)};
  broken.control.constraint = CustomConstraint{std::make_shared<const Repeated>(letter, 4, 2)};
  const Sample alone = only_sample(generator, free);
  const RequestId first = generator.submit(held).value(), second = generator.submit(broken).value(),
                  third = generator.submit(free).value();
  generator.drain().value();
  for (const Sample& sample : generator.take(first).value().samples) {
    EXPECT_EQ(sample.text, "oooo");
    EXPECT_EQ(sample.finish_reason, FinishReason::kEos);
  }
  const Sample failed = generator.take(second).value().samples.at(0);
  EXPECT_EQ(failed.text, "oo");
  EXPECT_EQ(failed.finish_reason, FinishReason::kError);
  ASSERT_TRUE(failed.error);
  EXPECT_NE(failed.error->message.find("fill_mask: worn out"), std::string::npos) << failed.error->message;
  EXPECT_EQ(generator.take(third).value().samples.at(0).tokens, alone.tokens);
}

/// Its forks wait until they may go on.
class Waiting : public Repeated {
 public:
  Waiting(TokenId id, std::counting_semaphore<>& waiting, std::latch& goes_on)
      : Repeated(id, 2), waiting_(waiting), goes_on_(goes_on) {}
  [[nodiscard]] std::unique_ptr<Constraint> fork() const override {
    waiting_.release();
    goes_on_.wait();
    return Repeated::fork();
  }

 private:
  std::counting_semaphore<>& waiting_;
  std::latch& goes_on_;
};

TEST(CustomConstraint, HoldsUpNobodyWhileItsOwnCodeWaits) {
  Generator generator = open_bundled();
  const TokenId letter = generator.encode("o").value().at(0);
  constexpr int kThreads = 6;
  std::counting_semaphore<> waiting(0);
  std::latch goes_on(1);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      Request request = request_for("ROMEO:");
      request.control.constraint = CustomConstraint{std::make_shared<const Waiting>(letter, waiting, goes_on)};
      EXPECT_EQ(only_sample(generator, request).text, "oo");
    });
  }
  for (int i = 0; i < kThreads; ++i) waiting.acquire();
  Request other = request_for("ROMEO:", 9);
  other.control.constraint = ChoicesConstraint{{"Ay"}};
  EXPECT_EQ(only_sample(generator, other).text, "Ay");
  goes_on.count_down();
  for (std::thread& thread : threads) thread.join();
}

TEST(CustomConstraint, IsRefusedWhereItIsNoneOrMeetsABeamSearch) {
  Generator generator = open_bundled();
  Request request = request_for("ROMEO:");
  request.control.constraint = CustomConstraint{};
  EXPECT_NE(generator.submit(request).error().message.find("constraint: null"), std::string::npos);
  request.control.constraint = CustomConstraint{std::make_shared<const Repeated>(3, 4, 0)};
  EXPECT_NE(generator.submit(request).error().message.find("worn out"), std::string::npos);
  request.control.constraint = CustomConstraint{std::make_shared<const Repeated>(3, 4)};
  request.sampling.seed.reset();
  request.beam.emplace();
  EXPECT_NE(generator.submit(request).error().message.find("constraint"), std::string::npos);
}

}  // namespace
}  // namespace fllm::test
