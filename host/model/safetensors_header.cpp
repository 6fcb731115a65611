// SPDX-License-Identifier: Apache-2.0
#include "host/model/safetensors_header.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_set>

#include "host/model/json_events.h"
#include "host/model/tensor_type.h"
#include "host/model/unreadable_types.h"
#include "host/util/bad_file.h"
#include "host/util/byte_reader.h"
#include "host/util/quoted_text.h"

namespace fllm {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr std::size_t kMaxSafetensorsDimensions = 8;
constexpr std::string_view kMetadataKey = "__metadata__";

std::optional<TensorType> type_of_dtype(std::string_view dtype) {
  for (const TensorTypeFacts& facts : kTensorTypes) {
    if (facts.elements == 1 && facts.name == dtype) return facts.type;
  }
  return std::nullopt;
}

/// {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {"key": "text", …}}
class HeaderEvents final : public JsonEvents {
 public:
  using JsonEvents::JsonEvents;

  SafetensorsHeader header;  // offsets as in the file, of readable types
  UnreadableTypes unreadable;

  bool start_object(std::size_t /*size*/) override {
    if (depth_ == 2 || in_array_) refuse("an object is not allowed here");
    if (++depth_ == 2) {
      tensor_ = TensorInfo();
      tensor_.name = name_;
      dtype_.reset(), shape_.reset(), offsets_.reset();
    }
    return true;
  }
  bool end_object() override {
    if (depth_-- == 2 && !in_metadata()) finish_tensor();
    field_.clear();
    return true;
  }
  bool key(std::string& key) override {
    if (depth_ == 2) {
      field_ = std::move(key);
      if (!in_metadata() && field_ != "dtype" && field_ != "shape" && field_ != "data_offsets") {
        refuse("unknown key: must be dtype, shape or data_offsets");
      }
      return true;
    }
    name_ = std::move(key);
    if (!names_.insert(name_).second) refuse("is there twice");
    return true;
  }
  bool string(std::string& text) override {
    if (depth_ != 2 || in_array_ || (!in_metadata() && field_ != "dtype")) other("a string");
    const bool first = in_metadata() ? header.metadata.emplace(field_, text).second : !dtype_;
    if (!first) refuse("is there twice");
    if (!in_metadata()) dtype_ = std::move(text);
    return true;
  }
  bool start_array(std::size_t /*size*/) override {
    if (depth_ != 2 || in_array_ || in_metadata() || field_ == "dtype") other("an array");
    auto& numbers = field_ == "shape" ? shape_ : offsets_;
    if (numbers) refuse("is there twice");
    numbers.emplace();
    in_array_ = true;
    return true;
  }
  bool end_array() override {
    in_array_ = false;
    return true;
  }
  bool number_unsigned(std::uint64_t number) override {
    if (!in_array_) other("a number");
    auto& numbers = field_ == "shape" ? *shape_ : *offsets_;
    if (numbers.size() == kMaxSafetensorsDimensions)
      refuse(fmt::format("more than {} numbers", kMaxSafetensorsDimensions));
    numbers.push_back(number);
    return true;
  }

 private:
  [[nodiscard]] bool in_metadata() const { return name_ == kMetadataKey; }
  [[nodiscard]] std::string where() const override {
    if (depth_ == 0) return "header";
    if (in_metadata()) return field_.empty() ? name_ : fmt::format("{}: {}", name_, quoted_text(field_));
    const std::string tensor = fmt::format("tensor {}", quoted_text(name_));
    return field_.empty() ? tensor : fmt::format("{}: {}", tensor, quoted_text(field_));
  }

  void finish_tensor() {
    field_.clear();
    if (!dtype_ || !shape_ || !offsets_) refuse("must have dtype, shape and data_offsets");
    if (offsets_->size() != 2) refuse("data_offsets must be two numbers");
    const std::uint64_t begin = (*offsets_)[0], end = (*offsets_)[1];
    if (begin > end) refuse(fmt::format("data_offsets [{}, {}]: must ascend", begin, end));
    for (const std::uint64_t extent : *shape_) {
      if (extent > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        refuse(fmt::format("shape: {}: beyond 2^63 - 1", extent));
      }
      tensor_.shape.push_back(static_cast<std::int64_t>(extent));
    }
    const auto type = type_of_dtype(*dtype_);
    if (!type) return unreadable.add(quoted_text(*dtype_), name_);
    tensor_.type = *type;
    if (const auto problem = shape_problem(*type, tensor_.shape)) refuse(*problem);
    tensor_.offset = begin;
    tensor_.bytes = tensor_bytes(*type, tensor_.shape);
    if (tensor_.bytes != end - begin) {
      refuse(fmt::format("data_offsets [{}, {}]: its shape and dtype need {} bytes", begin, end, tensor_.bytes));
    }
    header.tensors.push_back(std::move(tensor_));
  }

  int depth_ = 0;  // of objects
  bool in_array_ = false;
  std::unordered_set<std::string> names_;
  std::string name_;   // of the tensor at hand, or __metadata__
  std::string field_;  // of its keys; empty: none yet
  TensorInfo tensor_;
  std::optional<std::string> dtype_;
  std::optional<std::vector<std::uint64_t>> shape_, offsets_;
};

/// The format asks that the tensors fill the bytes behind the header, without holes.
void check_cover(std::vector<TensorInfo>& tensors, std::uint64_t data_bytes, const std::string& source) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.bytes < b.bytes;
  });
  std::uint64_t end = 0;
  for (const TensorInfo& tensor : tensors) {
    const std::string name = quoted_text(tensor.name);
    if (tensor.offset > data_bytes || tensor.bytes > data_bytes - tensor.offset) {
      bad_file(source, fmt::format("tensor {}: {} bytes at offset {} reach beyond the data, which has {}", name,
                                   tensor.bytes, tensor.offset, data_bytes));
    }
    if (tensor.offset < end) bad_file(source, fmt::format("tensor {}: shares bytes with another", name));
    if (tensor.offset > end) {
      bad_file(source, fmt::format("tensor {}: {} unused bytes before it", name, tensor.offset - end));
    }
    end += tensor.bytes;
  }
  if (end != data_bytes) bad_file(source, fmt::format("{} unused bytes at its end", data_bytes - end));
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file, const std::string& source) {
  ByteReader reader(file, source);
  const auto length = reader.take<std::uint64_t>("the length of the header");
  if (length > kMaxHeaderBytes) {
    bad_file(source, fmt::format("a header of {} bytes: at most {} are allowed", length, kMaxHeaderBytes));
  }
  const auto text = reader.take_bytes(length, "the header");
  if (text.empty() || text[0] != std::byte{'{'}) bad_file(source, "the header must begin with {");
  HeaderEvents events(source);
  events.parse({reinterpret_cast<const char*>(text.data()), text.size()});
  events.unreadable.refuse(source, "F64, F32, F16, BF16");
  check_cover(events.header.tensors, reader.left(), source);
  for (TensorInfo& tensor : events.header.tensors) tensor.offset += reader.position();
  return std::move(events.header);
}

}  // namespace fllm
