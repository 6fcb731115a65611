// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "fundamentallm/options.h"
#include "host/constraint/constraint_tables.h"
#include "host/constraint/token_index.h"

namespace fllm {

/// How much of the tables' masks there is when they are handed over.
enum class MaskRows {
  kWhenAsked,  // none: for one thread, which may be another one
  kAll,        // they never change: for any threads
};

/// Compiles constraints for one vocabulary and keeps the last ones, since requests often share them. For any threads: whoever asks
/// for one that is being compiled waits for it.
class ConstraintCache {
 public:
  /// Precondition: tokens outlives this.
  explicit ConstraintCache(const TokenIndex& tokens) : tokens_(&tokens) {}

  /// Of control.constraint, with control.prefix as the beginning of every text. usable: allow mask of what may be drawn;
  /// ends: ascending. Exception(kInvalidArgument): what is wrong with the source, a limit, or no text is left.
  /// With MaskRows::kAll also kUnsupported, where there are too many states, or working out the masks takes too long.
  [[nodiscard]] std::shared_ptr<ConstraintTables> tables(const ControlOptions& control,
                                                         std::span<const std::uint32_t> usable,
                                                         const std::vector<TokenId>& ends,
                                                         MaskRows rows = MaskRows::kWhenAsked) {
    return soon(control, usable, ends, rows).get();
  }
  /// The same, where another thread may be about to have them.
  [[nodiscard]] std::shared_future<std::shared_ptr<ConstraintTables>> soon(const ControlOptions& control,
                                                                           std::span<const std::uint32_t> usable,
                                                                           const std::vector<TokenId>& ends,
                                                                           MaskRows rows);

 private:
  using Tables = std::shared_ptr<ConstraintTables>;
  struct Key {
    ConstraintSource source;
    std::string prefix;
    std::vector<std::uint32_t> usable;
    std::vector<TokenId> ends;
    MaskRows rows = MaskRows::kWhenAsked;
    bool operator==(const Key&) const = default;
  };
  struct Entry {
    Key key;
    std::shared_future<Tables> tables;
    bool is_done = false;
  };

  [[nodiscard]] Tables compile(const Key& key);
  void keep(Entry& entry);

  const TokenIndex* tokens_;
  std::mutex mutex_;                             // of what follows
  std::vector<std::shared_ptr<Entry>> entries_;  // the last one used first
};

}  // namespace fllm
