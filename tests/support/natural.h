// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fllm::test {

/// A whole number of any size, by the methods of paper and pencil.
class Natural {
 public:
  Natural(std::uint64_t value = 0)  // NOLINT(google-explicit-constructor): every such number is one
      : digits_{static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)} {
    trim();
  }

  [[nodiscard]] bool is_zero() const { return digits_.empty(); }
  /// The lowest 64 bits.
  [[nodiscard]] std::uint64_t low() const { return digit(0) | (std::uint64_t{digit(1)} << 32); }
  /// floor(this / 2^64).
  [[nodiscard]] Natural high() const {
    Natural result;
    if (digits_.size() > 2) result.digits_.assign(digits_.begin() + 2, digits_.end());
    return result;
  }
  /// this * 2^64.
  [[nodiscard]] Natural raised() const {
    Natural result = *this;
    if (!is_zero()) result.digits_.insert(result.digits_.begin(), 2, 0);
    return result;
  }

  friend bool operator==(const Natural& a, const Natural& b) { return a.digits_ == b.digits_; }
  friend bool operator<(const Natural& a, const Natural& b) {
    if (a.digits_.size() != b.digits_.size()) return a.digits_.size() < b.digits_.size();
    return std::lexicographical_compare(a.digits_.rbegin(), a.digits_.rend(), b.digits_.rbegin(), b.digits_.rend());
  }
  friend Natural operator+(const Natural& a, const Natural& b) {
    Natural sum;
    sum.digits_.resize(std::max(a.digits_.size(), b.digits_.size()) + 1);
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < sum.digits_.size(); ++i) {
      carry += std::uint64_t{a.digit(i)} + b.digit(i);
      sum.digits_[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    sum.trim();
    return sum;
  }
  /// a - b, or 0 where b is the larger one.
  friend Natural operator-(const Natural& a, const Natural& b) {
    if (a < b) return {};
    Natural difference = a;
    std::int64_t borrow = 0;
    for (std::size_t i = 0; i < a.digits_.size(); ++i) {
      borrow += std::int64_t{a.digit(i)} - std::int64_t{b.digit(i)};
      difference.digits_[i] = static_cast<std::uint32_t>(borrow);
      borrow >>= 32;
    }
    difference.trim();
    return difference;
  }
  friend Natural operator*(const Natural& a, const Natural& b) {
    Natural product;
    product.digits_.resize(a.digits_.size() + b.digits_.size());
    for (std::size_t i = 0; i < a.digits_.size(); ++i) {
      std::uint64_t carry = 0;
      for (std::size_t j = 0; j < b.digits_.size(); ++j) {
        carry += std::uint64_t{a.digits_[i]} * b.digits_[j] + product.digits_[i + j];
        product.digits_[i + j] = static_cast<std::uint32_t>(carry);
        carry >>= 32;
      }
      product.digits_[i + b.digits_.size()] = static_cast<std::uint32_t>(carry);
    }
    product.trim();
    return product;
  }

 private:
  [[nodiscard]] std::uint32_t digit(std::size_t i) const { return i < digits_.size() ? digits_[i] : 0; }
  void trim() {
    while (!digits_.empty() && digits_.back() == 0) digits_.pop_back();
  }

  std::vector<std::uint32_t> digits_;  // lowest first, the last not 0
};

/// A fraction, not reduced.
struct Fraction {
  Natural above{0};
  Natural below{1};

  friend Fraction operator*(const Fraction& a, const Fraction& b) { return {a.above * b.above, a.below * b.below}; }
  friend Fraction operator+(const Fraction& a, const Fraction& b) {
    return {a.above * b.below + b.above * a.below, a.below * b.below};
  }
  friend bool operator==(const Fraction& a, const Fraction& b) { return a.above * b.below == b.above * a.below; }
};

}  // namespace fllm::test
