// SPDX-License-Identifier: Apache-2.0
#include "host/api/tensor_view.h"

#include <cstring>
#include <limits>

namespace fllm {
namespace {

// DLPack's numbers, as far as they are told apart here.
constexpr std::int32_t kCpu = 1, kCuda = 2, kCudaHost = 3, kCudaManaged = 13;
constexpr std::uint8_t kSigned = 0, kUnsigned = 1, kFloating = 2, kBfloat = 4;
constexpr std::int32_t kMaxRank = 8;

static_assert(FLLM_DEVICE_CPU == kCpu && FLLM_DEVICE_CUDA == kCuda);

std::string device_text(std::int32_t type, std::int32_t index) {
  switch (type) {
    case kCpu:
      return "cpu";
    case kCuda:
      return "cuda:" + std::to_string(index);
    default:
      return "device type " + std::to_string(type);
  }
}

bool reachable(const fllm_dl_tensor& tensor, const TensorDevice& from) {
  const auto type = static_cast<std::int32_t>(tensor.device.device_type);
  if (type == kCudaHost) return true;
  if (from.type == kCpu) return type == kCpu;
  return type == kCudaManaged || (type == kCuda && tensor.device.device_id == from.index);
}

std::string list_text(const char* what, const std::int64_t* values, std::int32_t count) {
  std::string text = std::string(what) + " [";
  for (std::int32_t i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + std::to_string(values[i]);
  return text + "]";
}

/// Whether every extent is a count, and the bytes of all elements can be told.
bool countable(const fllm_dl_tensor& tensor) {
  std::int64_t elements = std::numeric_limits<std::int64_t>::max() / 64;
  bool empty = false;
  for (std::int32_t i = 0; i < tensor.ndim; ++i) {
    if (tensor.shape[i] < 0) return false;
    empty = empty || tensor.shape[i] == 0;
  }
  for (std::int32_t i = 0; i < tensor.ndim && !empty; ++i) elements /= tensor.shape[i];
  return elements > 0;
}

}  // namespace

std::optional<TensorView> TensorView::open(const char* name, const fllm_dl_tensor& tensor, const TensorDevice& device,
                                           Violations& found) {
  if (!reachable(tensor, device)) {
    const auto type = static_cast<std::int32_t>(tensor.device.device_type);
    found.add(name, "on " + device_text(type, tensor.device.device_id),
              "must be where the sampler works, on " + device_text(device.type, device.index));
  }
  if (tensor.ndim < 0 || tensor.ndim > kMaxRank || (tensor.ndim > 0 && tensor.shape == nullptr)) {
    found.add(name, "ndim " + std::to_string(tensor.ndim), "must be in [0, 8], with a shape");
    return std::nullopt;
  }
  const TensorView view(name, tensor);
  if (!countable(tensor)) {
    found.add(name, view.shape_text(), "must be counts of what fits memory");
    return std::nullopt;
  }
  if (tensor.dtype.lanes != 1 || tensor.dtype.bits % 8 != 0) {
    found.add(name, view.dtype_text(), "must be one value of whole bytes an element");
    return std::nullopt;
  }
  if (!view.empty() && tensor.data == nullptr) {
    found.add(name, "data NULL", "must be given with " + view.shape_text());
    return std::nullopt;
  }
  return view;
}

void* TensorView::data() const {
  return empty() ? nullptr : static_cast<unsigned char*>(tensor_->data) + tensor_->byte_offset;
}

bool TensorView::empty() const {
  for (std::size_t i = 0; i < rank(); ++i) {
    if (extent(i) == 0) return true;
  }
  return false;
}

std::size_t TensorView::bytes() const {
  std::size_t bytes = tensor_->dtype.bits / 8;
  for (std::size_t i = 0; i < rank(); ++i) bytes *= static_cast<std::size_t>(extent(i));
  return bytes;
}

std::string TensorView::shape_text() const { return list_text("shape", tensor_->shape, tensor_->ndim); }

std::string TensorView::strides_text() const { return list_text("strides", tensor_->strides, tensor_->ndim); }

std::string TensorView::dtype_text() const {
  const std::string bits = std::to_string(tensor_->dtype.bits);
  const std::string lanes = tensor_->dtype.lanes == 1 ? "" : " x " + std::to_string(tensor_->dtype.lanes);
  switch (tensor_->dtype.code) {
    case kSigned:
      return "int" + bits + lanes;
    case kUnsigned:
      return "uint" + bits + lanes;
    case kFloating:
      return "float" + bits + lanes;
    case kBfloat:
      return "bfloat" + bits + lanes;
    default:
      return "type code " + std::to_string(tensor_->dtype.code) + " of " + bits + " bits" + lanes;
  }
}

std::optional<std::int32_t> TensorView::logits_dtype() const {
  if (tensor_->dtype.code == kFloating && tensor_->dtype.bits == 32) return FLLM_FLOAT32;
  if (tensor_->dtype.code == kFloating && tensor_->dtype.bits == 16) return FLLM_FLOAT16;
  if (tensor_->dtype.code == kBfloat && tensor_->dtype.bits == 16) return FLLM_BFLOAT16;
  return std::nullopt;
}

bool TensorView::is(Element element) const {
  const std::uint8_t code = tensor_->dtype.code, bits = tensor_->dtype.bits;
  const bool integer = code == kSigned || code == kUnsigned;
  switch (element) {
    case Element::kFloat32:
      return code == kFloating && bits == 32;
    case Element::kInt32:
      return integer && bits == 32;
    case Element::kInt64:
      return integer && bits == 64;
    case Element::kWord32:
      return bits == 32;
  }
  return false;
}

bool TensorView::has(const Extents& extents) const {
  if (rank() != extents.rank()) return false;
  for (std::size_t i = 0; i < rank(); ++i) {
    if (extents.list[i].kind == Extent::kExact && extent(i) != extents.list[i].count) return false;
  }
  return true;
}

bool TensorView::matches(Element element, const Extents& extents, Violations& found) const {
  constexpr const char* kAllowed[] = {"must be float32", "must be int32 or uint32", "must be int64 or uint64",
                                      "must be 32-bit words"};
  const bool typed = is(element), shaped = has(extents);
  if (!typed) found.add(name_, dtype_text(), kAllowed[static_cast<int>(element)]);
  if (!shaped) {
    std::string wanted;
    for (std::size_t i = 0; i < extents.rank(); ++i) {
      const Extent& extent = extents.list[i];
      wanted += (i == 0 ? "" : ", ") + (extent.kind == Extent::kExact ? std::to_string(extent.count) : "any");
    }
    found.add(name_, shape_text(), "must be [" + wanted + "]");
  }
  return typed && shaped;
}

void TensorView::require_compact(Violations& found) const {
  if (tensor_->strides == nullptr || empty()) return;
  std::int64_t expected = 1;
  for (std::size_t i = rank(); i-- > 0; expected *= extent(i)) {
    if (extent(i) == 1 || tensor_->strides[i] == expected) continue;
    found.add(name_, strides_text() + " of " + shape_text(), "must be row-major without gaps");
    return;
  }
}

std::int64_t TensorView::row_stride(Violations& found) const {
  const std::int64_t columns = extent(rank() - 1);
  if (tensor_->strides == nullptr || empty()) return columns;
  const bool dense = columns == 1 || tensor_->strides[rank() - 1] == 1;
  const bool one = rank() < 2 || extent(0) == 1;
  const std::int64_t stride = one ? columns : tensor_->strides[0];
  if (!dense || stride < columns) {
    found.add(name_, strides_text() + " of " + shape_text(), "must have 1 last, and rows that do not overlap");
  }
  return stride;
}

}  // namespace fllm
