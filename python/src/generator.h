// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "fundamentallm/generator.h"

namespace fllm::python {

/// A generator for many Python threads: events wait for each request by itself, whichever thread steps. Calls release the GIL
/// while the library works, which calls Python for constraints of the caller's own alone. Errors are Python's; see raise().
class Generator {
 public:
  Generator(const std::string& path, const EngineOptions& options);

  [[nodiscard]] nanobind::dict info() const;
  [[nodiscard]] nanobind::dict metrics() const;
  [[nodiscard]] std::vector<TokenId> encode(const std::string& text) const;
  [[nodiscard]] std::string decode(const std::vector<TokenId>& ids) const;

  [[nodiscard]] nanobind::list token_bytes() const;
  [[nodiscard]] std::vector<TokenId> end_ids() const { return generator_.end_ids(); }

  /// options: by the names of fundamentallm.Options.
  std::uint64_t submit(const nanobind::handle& prompt, const nanobind::dict& options);
  /// One step for all requests. Whether there was something to do.
  bool step();
  void cancel(std::uint64_t id) { generator_.cancel(RequestId{id}); }
  [[nodiscard]] bool finished(std::uint64_t id) const { return generator_.finished(RequestId{id}); }
  /// The text of sample 0 since the last call.
  std::string text(std::uint64_t id);
  /// The result of a finished request, once.
  nanobind::dict take(std::uint64_t id);

 private:
  fllm::Generator generator_;
  std::mutex mutex_;  // guards texts_
  std::unordered_map<std::uint64_t, std::string> texts_;
};

/// Raises what an error of the library is in Python. Needs the GIL.
[[noreturn]] void raise(const Error& error);

/// The request that options describe. TypeError naming the option.
[[nodiscard]] Request request_of(const nanobind::handle& prompt, const nanobind::dict& options);

}  // namespace fllm::python
