// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/model/pickle_value.h"
#include "host/model/unpickler.h"
#include "host/model/zip_archive.h"

namespace fllm {

/// A PyTorch checkpoint: {"model_state": state dict, …} or a bare state dict, in torch.save's ZIP container (PyTorch 1.6
/// and later). Opening reads the description alone; a storage is read when a tensor over it is asked for, so optimizer
/// state costs nothing. The file is taken as hostile. Thread-compatible, one reader at a time.
class Checkpoint {
 public:
  /// Exception: kNotFound, kIo, kBadFormat, kUnsupported; the message names file, entry and value.
  static Checkpoint open(const std::string& path);
  explicit Checkpoint(ZipArchive archive);

  [[nodiscard]] const std::string& source() const { return archive_.source(); }
  /// The payload's config: key "config", else "model_config"; null where there is none (a bare state dict has none).
  [[nodiscard]] const PickleDict* config() const { return config_; }

  [[nodiscard]] const PickleTensor* find(std::string_view name) const;                 // null: there is none
  [[nodiscard]] const std::vector<std::string_view>& names() const { return names_; }  // in file order

  /// Why a tensor cannot be read: its type is no float, or it reaches outside its storage. Empty when it can.
  [[nodiscard]] std::optional<std::string> problem(const PickleTensor& tensor) const;
  /// The elements in row-major order, converted to fp32. Precondition: problem() is empty, out holds all elements.
  void read(const PickleTensor& tensor, std::span<float> out);

 private:
  [[nodiscard]] const ZipEntry* storage_entry(const PickleStorage& storage) const;
  void find_state(const PickleDict& payload);
  void list_tensors(const PickleDict& state, std::string_view where);

  ZipArchive archive_;
  std::string prefix_;  // of the entry names: "model/"
  PickleDocument document_;
  const PickleDict* config_ = nullptr;
  std::vector<std::string_view> names_;
  std::unordered_map<std::string_view, const PickleTensor*> tensors_;
  const ZipEntry* cached_entry_ = nullptr;  // the storage read last, for tensors that share one
  std::vector<std::byte> cached_bytes_;
};

}  // namespace fllm
