// SPDX-License-Identifier: Apache-2.0
#include "python/src/array_view.h"

#include <limits>
#include <string>

#include "python/src/python_text.h"

namespace nb = nanobind;

namespace fllm::python {
namespace {

/// A torch tensor that takes part in a gradient; torch lends none, or does without a word, depending on its version.
bool has_gradient(nb::handle array) {
  const nb::object flag = nb::getattr(array, "requires_grad", nb::none());
  return flag.is(nb::handle(Py_True));
}

/// What the import is made from. A CUDA array is asked for with stream -1, "do not synchronise": its framework would
/// otherwise make the default stream wait, which costs time and breaks a capture.
nb::object importable(nb::handle given, Access access, const Device& device) {
  nb::object array = nb::borrow(given);
  if (access == Access::kRead && has_gradient(array)) array = array.attr("detach")();
  if (device.type != FLLM_DEVICE_CUDA || !nb::hasattr(array, "__dlpack__")) return array;
  try {
    return array.attr("__dlpack__")(nb::arg("stream") = -1);
  } catch (const nb::python_error&) {
    return array;  // one on the CPU knows no streams; the library says that it is on the wrong device
  }
}

std::string text_of(std::initializer_list<std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    if (text.size() > 1) text += ", ";
    text += extent < 0 ? "any" : std::to_string(extent);
  }
  return text + "]";
}

/// nanobind says only that it could not import the array. Why not, the array itself knows best.
[[noreturn]] void refuse(const std::string& name, nb::handle array, Access access) {
  const std::string type = str_of(nb::inst_name(array));
  if (!nb::ndarray_check(array)) {
    throw nb::type_error((name + ": " + type + ": must be an array with __dlpack__ or a buffer").c_str());
  }
  if (nb::ndarray<nb::ro> readable; access == Access::kWrite && nb::try_cast(array, readable)) {
    throw nb::value_error((name + ": a read-only " + type + ": must be writable").c_str());
  }
  if (nb::hasattr(array, "__dlpack__")) array.attr("__dlpack__")();  // raises the reason
  throw nb::type_error((name + ": " + type + ": cannot be read through DLPack").c_str());
}

}  // namespace

ArrayView::ArrayView(const char* name, nb::handle array, Access access, const Device& device) : name_(name) {
  if (access == Access::kWrite && has_gradient(array)) {
    throw nb::value_error((std::string(name) + ": requires a gradient: must not, since it is written").c_str());
  }
  const nb::object source = importable(array, access, device);
  bool imported = false;
  if (access == Access::kWrite) {
    nb::ndarray<> writable;
    imported = nb::try_cast(source, writable);
    if (imported) array_ = nb::ndarray<nb::ro>(writable);
  } else {
    imported = nb::try_cast(source, array_);
  }
  if (!imported) refuse(name, array, access);
}

fllm_dl_tensor ArrayView::tensor() const {
  fllm_dl_tensor t{};
  t.data = array_.data_handle();
  t.byte_offset = array_.byte_offset();
  t.device.device_type = array_.device_type();
  t.device.device_id = array_.device_id();
  t.ndim = static_cast<std::int32_t>(array_.ndim());
  t.dtype.code = array_.dtype().code;
  t.dtype.bits = array_.dtype().bits;
  t.dtype.lanes = array_.dtype().lanes;
  // The structure is C's and not const; nothing writes through it.
  t.shape = const_cast<std::int64_t*>(array_.shape_ptr());
  t.strides = const_cast<std::int64_t*>(array_.stride_ptr());
  return t;
}

void* ArrayView::words(int bits, std::initializer_list<std::int64_t> shape, const Device& device) const {
  const auto require = [&](bool holds, const std::string& what) {
    if (!holds) throw nb::value_error((std::string(name_) + ": " + what).c_str());
  };
  const auto dtype = array_.dtype();
  require(dtype.bits == bits && dtype.lanes == 1,
          std::to_string(dtype.bits) + "-bit elements: must have " + std::to_string(bits) + " bits");
  require(array_.device_type() == device.type && array_.device_id() == device.index,
          "on another device than the sampler: must be on the same");
  bool fits = array_.ndim() == shape.size();
  std::int64_t compact = 1;
  for (std::size_t i = array_.ndim(); fits && i-- > 0;) {
    const std::int64_t wanted = shape.begin()[i], extent = array_.shape_ptr()[i];
    fits = (wanted < 0 || extent == wanted) && extent <= std::numeric_limits<std::int32_t>::max() &&
           (extent <= 1 || array_.stride(i) == compact);
    compact *= extent;
  }
  require(fits, "must have shape " + text_of(shape) + " without gaps");
  return const_cast<void*>(static_cast<const void*>(array_.data()));
}

}  // namespace fllm::python
