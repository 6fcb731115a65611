// SPDX-License-Identifier: Apache-2.0
#include "host/model/checkpoint.h"

#include <fmt/core.h>

#include <fstream>

#include "fundamentallm/result.h"
#include "host/model/tensor_read.h"
#include "host/util/bad_file.h"

namespace fllm {
namespace {

constexpr std::string_view kPickleName = "data.pkl";
constexpr std::uint64_t kMaxPickleBytes = std::uint64_t{16} << 20;
constexpr std::size_t kMaxListedKeys = 8;

/// Before 1.6 torch.save wrote several pickles in a row.
bool is_old_torch_file(const std::string& path) {
  char magic[2] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof(magic));
  return magic[0] == '\x80' && magic[1] == '\x02';
}

const ZipEntry& pickle_entry(const ZipArchive& archive) {
  const ZipEntry* found = nullptr;
  for (const ZipEntry& entry : archive.entries()) {
    const std::string_view name = entry.name;
    if (name != kPickleName && !name.ends_with("/data.pkl")) continue;
    if (found != nullptr) bad_file(archive.source(), fmt::format("both {} and {} are there", found->name, name));
    found = &entry;
  }
  if (found == nullptr) bad_file(archive.source(), "no entry data.pkl: not a file of torch.save");
  return *found;
}

void check_byte_order(const ZipArchive& archive, const std::string& name) {
  const ZipEntry* entry = archive.find(name);
  if (entry == nullptr) return;  // PyTorch before 2.0 wrote none, on little-endian machines
  const std::string order = archive.read_text(*entry, 16);
  if (order == "big") {
    throw Exception(ErrorCode::kUnsupported,
                    fmt::format("{}: entry {}: \"big\": only \"little\" can be read", archive.source(), name));
  }
  if (order != "little") bad_file(archive.source(), fmt::format("entry {}: neither \"little\" nor \"big\"", name));
}

std::string listed_keys(const PickleDict& dict) {
  std::string list;
  std::size_t count = 0;
  for (const auto& [key, value] : dict.items) {
    const auto* text = key->as<std::string_view>();
    if (count++ == kMaxListedKeys) return list + ", …";
    list += fmt::format("{}{}", list.empty() ? "" : ", ", text != nullptr ? text->substr(0, 64) : kind_name(*key));
  }
  return list;
}

bool is_state_dict(const PickleDict& dict) {
  for (const auto& [key, value] : dict.items) {
    if (value->as<PickleTensor>() == nullptr) return false;
  }
  return !dict.items.empty();
}

}  // namespace

Checkpoint Checkpoint::open(const std::string& path) {
  try {
    return Checkpoint(ZipArchive::open(path));
  } catch (const Exception& error) {
    if (error.code() != ErrorCode::kBadFormat || !is_old_torch_file(path)) throw;
    throw Exception(ErrorCode::kUnsupported,
                    fmt::format("{}: in the format of PyTorch before 1.6; load and save it with a later one", path));
  }
}

Checkpoint::Checkpoint(ZipArchive archive) : archive_(std::move(archive)) {
  const ZipEntry& entry = pickle_entry(archive_);
  prefix_ = entry.name.substr(0, entry.name.size() - kPickleName.size());
  check_byte_order(archive_, prefix_ + "byteorder");
  document_ = unpickle(archive_.read_text(entry, kMaxPickleBytes), fmt::format("{}: entry {}", source(), entry.name));

  const auto* payload = document_.root().as<PickleDict>();
  if (payload == nullptr) bad_file(source(), fmt::format("holds {}, not a dict", kind_name(document_.root())));
  find_state(*payload);
}

void Checkpoint::find_state(const PickleDict& payload) {
  const PickleRef state = payload.find("model_state");
  if (state == nullptr) {
    if (!is_state_dict(payload)) {
      bad_file(source(), fmt::format("neither a checkpoint with the key model_state nor a state dict; its keys: {}",
                                     listed_keys(payload)));
    }
    list_tensors(payload, "the state dict");
    return;
  }
  const auto* dict = state->as<PickleDict>();
  if (dict == nullptr) bad_file(source(), fmt::format("model_state is {}, not a dict", kind_name(*state)));
  list_tensors(*dict, "model_state");
  for (const std::string_view key : {"config", "model_config"}) {
    const PickleRef config = payload.find(key);
    if (config == nullptr) continue;
    config_ = config->as<PickleDict>();
    if (config_ == nullptr) bad_file(source(), fmt::format("{} is {}, not a dict", key, kind_name(*config)));
    return;
  }
}

void Checkpoint::list_tensors(const PickleDict& state, std::string_view where) {
  for (const auto& [key, value] : state.items) {
    const auto* name = key->as<std::string_view>();
    if (name == nullptr) bad_file(source(), fmt::format("{}: a key is {}, not a string", where, kind_name(*key)));
    const auto* tensor = value->as<PickleTensor>();
    if (tensor == nullptr) {
      bad_file(source(), fmt::format("{}: {} is {}, not a tensor", where, name->substr(0, 128), kind_name(*value)));
    }
    if (!tensors_.emplace(*name, tensor).second) {
      bad_file(source(), fmt::format("{}: {} is there twice", where, name->substr(0, 128)));
    }
    names_.push_back(*name);
  }
}

const PickleTensor* Checkpoint::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : found->second;
}

const ZipEntry* Checkpoint::storage_entry(const PickleStorage& storage) const {
  return archive_.find(fmt::format("{}data/{}", prefix_, storage.key));
}

std::optional<std::string> Checkpoint::problem(const PickleTensor& tensor) const {
  const PickleStorage& storage = tensor.storage;
  if (storage.type == StorageType::kOther) {
    return fmt::format("a {}, must be a Float, Double, Half or BFloat16Storage", storage.type_name);
  }
  const ZipEntry* entry = storage_entry(storage);
  if (entry == nullptr)
    return fmt::format("its storage, entry {}data/{}, is missing", prefix_, storage.key.substr(0, 64));
  const std::uint64_t needed = static_cast<std::uint64_t>(storage.element_count) * element_bytes(storage.type);
  if (entry->bytes < needed) {
    return fmt::format("its storage, entry {}, has {} bytes, {} elements of {} need {}", entry->name, entry->bytes,
                       storage.element_count, storage.type_name, needed);
  }
  return reach_problem(tensor);
}

void Checkpoint::read(const PickleTensor& tensor, std::span<float> out) {
  const ZipEntry& entry = *storage_entry(tensor.storage);
  if (tensor.storage.type == StorageType::kFloat32 && is_whole_storage(tensor) && entry.bytes == out.size_bytes()) {
    archive_.read(entry, std::as_writable_bytes(out));
    return;
  }
  if (cached_entry_ != &entry) {
    cached_entry_ = nullptr;
    cached_bytes_.resize(static_cast<std::size_t>(entry.bytes));
    archive_.read(entry, cached_bytes_);
    cached_entry_ = &entry;
  }
  convert(tensor, cached_bytes_, out);
}

}  // namespace fllm
