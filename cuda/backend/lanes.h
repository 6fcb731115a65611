// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "cuda/portable/annotations.h"

// Vectors of 32-bit lanes and dot products of their bytes, for the quantised product. Only files compiled for one instruction
// set include this; every function is inlined into them.
namespace fllm {

template <std::int32_t kLanes>
struct LaneTypes {
  typedef std::int16_t Pairs __attribute__((vector_size(kLanes * 4)));
  typedef std::int32_t Ints __attribute__((vector_size(kLanes * 4)));
  typedef std::uint32_t Words __attribute__((vector_size(kLanes * 4)));
  typedef float Floats __attribute__((vector_size(kLanes * 4)));
};

/// Machine: what differs between instruction sets:
///   kLanes
///   halves(source)           kLanes binary16 values, exactly
///   fma(a, b, c)             fma32 of each lane
///   multiply_pairs(w, x)     sums of two neighbouring products of unsigned bytes w and signed bytes x, as 16-bit integers,
///                            which must hold them
///   join_pairs(p)            sums of two neighbouring 16-bit integers, as 32-bit integers
///   kDotsBytes, dot(s, w, x) whether there is one instruction that adds the four products of a lane to s
template <class Machine>
struct Lanes : Machine, LaneTypes<Machine::kLanes> {
  using Types = LaneTypes<Machine::kLanes>;
  using typename Types::Floats;
  using typename Types::Ints;
  using typename Types::Pairs;
  using typename Types::Words;

  FLLM_DEVICE static Words load(const std::uint32_t* source) {
    Words words;
    std::memcpy(&words, source, sizeof words);
    return words;
  }
  // A difference with zero is the value itself, also when that is -0.
  FLLM_DEVICE static Floats spread(float value) { return value - Floats{}; }
  FLLM_DEVICE static Ints spread(std::int32_t value) { return Ints{} + value; }
  /// Four bytes, the same in every lane.
  FLLM_DEVICE static Words broadcast(const std::int8_t* bytes) {
    std::uint32_t word;
    std::memcpy(&word, bytes, sizeof word);
    return Words{} + word;
  }
  FLLM_DEVICE static Floats to_floats(Ints value) { return __builtin_convertvector(value, Floats); }

  /// The sum, from a start, of at most eight steps, each the four products of a lane of unsigned bytes w <= kMost and signed
  /// bytes x in [-127, 127]. Exact on every machine.
  template <std::int32_t kMost>
  class Dot {
   public:
    FLLM_DEVICE void begin(std::int32_t start) { sum_ = spread(start); }
    FLLM_DEVICE void add(Words w, Words x) {
      if constexpr (Machine::kDotsBytes) {
        sum_ = Machine::dot(sum_, w, x);
      } else if constexpr (kMost <= 15) {  // 8 steps of 2 * 15 * 127 fit 16 bits
        low_ += Machine::multiply_pairs(w, x);
        keep(low_);
      } else if constexpr (kMost <= 127) {  // one does
        sum_ += Machine::join_pairs(Machine::multiply_pairs(w, x));
        keep(sum_);
      } else {  // four bits at a time
        low_ += Machine::multiply_pairs(w & 0x0f0f0f0fu, x);
        high_ += Machine::multiply_pairs((w >> 4) & 0x0f0f0f0fu, x);
        keep(low_);
        keep(high_);
      }
    }
    [[nodiscard]] FLLM_DEVICE Ints total() const {
      if constexpr (Machine::kDotsBytes || (kMost > 15 && kMost <= 127)) return sum_;
      const Ints low = sum_ + Machine::join_pairs(low_);
      return kMost <= 15 ? low : low + Machine::join_pairs(high_) * 16;
    }

   private:
    /// Keeps the compiler from adding up all steps at the end, with more products to hold than there are registers.
    template <class Vector>
    FLLM_DEVICE static void keep(Vector& vector) {
#if defined(__x86_64__)
      __asm__("" : "+v"(vector));
#endif
    }

    Ints sum_{};
    Pairs low_{}, high_{};
  };
};

}  // namespace fllm
