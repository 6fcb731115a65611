// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fundamentallm/c_api.h"

namespace fllm::test {

struct DestroySampler {
  void operator()(fllm_sampler* sampler) const { fllm_sampler_destroy(sampler); }
};
using CSampler = std::unique_ptr<fllm_sampler, DestroySampler>;

inline fllm_sampler_options cpu_options(std::int32_t threads = 1) {
  fllm_sampler_options options{};
  options.struct_size = sizeof options;
  options.device_type = FLLM_DEVICE_CPU;
  options.threads = threads;
  return options;
}

inline CSampler make_cpu(std::int32_t threads = 1) {
  const fllm_sampler_options options = cpu_options(threads);
  fllm_sampler* sampler = nullptr;
  EXPECT_EQ(fllm_sampler_create(&options, &sampler), FLLM_OK) << fllm_last_error();
  return CSampler(sampler);
}

/// Workspace for a call, put into args.
inline std::vector<std::byte> give_workspace(fllm_sampler* sampler, fllm_sample_args& args) {
  std::size_t bytes = 0;
  EXPECT_EQ(fllm_sampler_workspace_size(sampler, &args, &bytes), FLLM_OK) << fllm_last_error();
  std::vector<std::byte> memory(bytes);
  args.workspace = memory.data();
  args.workspace_bytes = bytes;
  return memory;
}

/// The call fails as an invalid argument, with this message and no other.
inline void expect_refused(fllm_status status, const std::string& message) {
  EXPECT_EQ(status, FLLM_INVALID_ARGUMENT) << fllm_status_string(status);
  EXPECT_EQ(fllm_last_error(), message);
}

/// One thing that is wrong, and what is said about it.
struct Wrong {
  const char* message;
  void (*change)(fllm_sample_args& args);
};

template <class T>
T* odd_address() {  // never read or written
  return reinterpret_cast<T*>(0x1001);
}
template <class T>
T* some_address() {
  return reinterpret_cast<T*>(0x1000);
}

}  // namespace fllm::test
