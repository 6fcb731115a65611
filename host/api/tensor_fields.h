// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

#include "host/api/tensor_view.h"

namespace fllm {

inline constexpr Extent kAny{Extent::kFree, 0};
constexpr Extent exactly(std::int64_t count) { return {Extent::kExact, count}; }

/// What a tensor's elements must be to stand for an array of T. A structure is its words, one more dimension.
template <class T>
constexpr Element element_of() {
  if constexpr (std::is_floating_point_v<T>) return Element::kFloat32;
  if constexpr (std::is_integral_v<T>) return sizeof(T) == 4 ? Element::kInt32 : Element::kInt64;
  return Element::kWord32;
}

/// Fills fields of a structure of arguments from tensors, collecting what is wrong. A tensor that is NULL leaves its field.
class TensorFields {
 protected:
  explicit TensorFields(const TensorDevice& device) : device_(device) {}

  [[nodiscard]] Violations& found() { return found_; }

  static std::int32_t to_int32(std::int64_t value) {  // too large stays wrong, for the checks of the arguments
    return value <= std::numeric_limits<std::int32_t>::max() ? static_cast<std::int32_t>(value) : -1;
  }

  std::optional<TensorView> open(const char* name, const fllm_dl_tensor* tensor) {
    return tensor != nullptr ? TensorView::open(name, *tensor, device_, found_) : std::nullopt;
  }

  /// A compact array of T [extents]: its address goes into the field.
  template <class T>
  std::optional<TensorView> array(const char* name, const fllm_dl_tensor* tensor, T*& field, const Extents& extents) {
    std::optional<TensorView> view = open_as<std::remove_const_t<T>>(name, tensor, extents);
    if (view) {
      view->require_compact(found_);
      field = static_cast<T*>(view->data());
    }
    return view;
  }

  /// A matrix whose rows may be apart.
  template <class T>
  std::optional<TensorView> matrix(const char* name, const fllm_dl_tensor* tensor, T*& field, std::int64_t& stride,
                                   const Extents& extents) {
    std::optional<TensorView> view = open_as<std::remove_const_t<T>>(name, tensor, extents);
    if (view) {
      stride = view->row_stride(found_);
      field = static_cast<T*>(view->data());
    }
    return view;
  }

  void history_table(const fllm_dl_tensor* entries, const fllm_dl_tensor* sizes, fllm_history_table& table) {
    if (const auto view = array("history_entries", entries, table.entries, {kAny, kAny})) {
      table.slots = to_int32(view->extent(0));
      table.capacity = to_int32(view->extent(1));
    }
    if (const auto view = array("history_sizes", sizes, table.sizes, {kAny})) {
      found_.require(view->extent(0) == table.slots, "history_sizes", view->extent(0),
                     "must have an element for each slot of history_entries");
    }
  }

 private:
  template <class T>
  std::optional<TensorView> open_as(const char* name, const fllm_dl_tensor* tensor, Extents extents) {
    std::optional<TensorView> view = open(name, tensor);
    if (std::is_class_v<T>) extents.list[extents.rank()] = exactly(sizeof(T) / 4);
    if (view && !view->matches(element_of<T>(), extents, found_)) view.reset();
    return view;
  }

  TensorDevice device_;
  Violations found_;
};

}  // namespace fllm
