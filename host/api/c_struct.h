// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>

#include "fundamentallm/result.h"

namespace fllm {

/// A caller's structure as this library knows it: what an older caller lacks is zero, what a newer one has must be.
/// Fields come in units of 8 bytes, so that no size cuts one. Exception(kInvalidArgument) naming struct_size.
template <class T>
T read_struct(const T* given, const char* name) {
  constexpr std::size_t kUnit = 8, kMostBytes = 65536;  // more is no structure, but memory that was never set
  static_assert(offsetof(T, struct_size) == 0 && sizeof(T) % kUnit == 0);
  const auto refuse = [&](const std::string& what) {
    throw Exception(ErrorCode::kInvalidArgument, std::string(name) + what);
  };
  if (given == nullptr) refuse(": NULL: must be given");
  const std::size_t bytes = given->struct_size;
  if (bytes < 2 * kUnit || bytes > kMostBytes || bytes % kUnit != 0) {
    refuse(".struct_size: " + std::to_string(bytes) + ": must be sizeof(" + name + "), " + std::to_string(sizeof(T)) +
           " in this version");
  }
  T result{};
  std::memcpy(&result, given, std::min(bytes, sizeof(T)));
  const auto* memory = reinterpret_cast<const unsigned char*>(given);
  for (std::size_t i = sizeof(T); i < bytes; ++i) {
    if (memory[i] != 0) {
      refuse(".struct_size: " + std::to_string(bytes) + ": this version knows " + std::to_string(sizeof(T)) +
             " bytes, and byte " + std::to_string(i) + " is set: the caller asks for something newer");
    }
  }
  result.struct_size = sizeof(T);
  return result;
}

/// Gives a structure back to the caller it was read from. Exception(kInvalidArgument) when a field that the caller's lacks is
/// set.
template <class T>
void write_struct(const T& value, T* given, const char* name) {
  const std::size_t bytes = std::min(given->struct_size, sizeof(T));
  const auto* memory = reinterpret_cast<const unsigned char*>(&value);
  if (std::any_of(memory + bytes, memory + sizeof(T), [](unsigned char byte) { return byte != 0; })) {
    throw Exception(ErrorCode::kInvalidArgument, std::string(name) + ".struct_size: " + std::to_string(bytes) +
                                                     ": too small for what is to be filled in; sizeof(" + name +
                                                     ") is " + std::to_string(sizeof(T)) + " in this version");
  }
  const std::size_t skipped = sizeof given->struct_size;
  std::memcpy(reinterpret_cast<unsigned char*>(given) + skipped, memory + skipped, bytes - skipped);
}

/// The fields that the caller's structure has: what an older caller does not know it does not get. Precondition:
/// read_struct accepted it.
template <class T>
void fill_struct(const T& value, T* given) {
  const std::size_t skipped = sizeof given->struct_size;
  std::memcpy(reinterpret_cast<unsigned char*>(given) + skipped,
              reinterpret_cast<const unsigned char*>(&value) + skipped,
              std::min(given->struct_size, sizeof(T)) - skipped);
}

}  // namespace fllm
