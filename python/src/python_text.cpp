// SPDX-License-Identifier: Apache-2.0
#include "python/src/python_text.h"

namespace nb = nanobind;

namespace fllm::python {
namespace {

/// Takes the text over; null: an exception is set.
std::string utf8_of(PyObject* text) {
  if (text == nullptr) {
    PyErr_Clear();
    return "(no text: it raises an exception)";
  }
  const nb::object kept = nb::steal(text);
  const nb::object bytes = nb::steal(PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace"));
  if (!bytes.is_valid()) {
    PyErr_Clear();
    return "(no text)";
  }
  return {PyBytes_AsString(bytes.ptr()), static_cast<std::size_t>(PyBytes_Size(bytes.ptr()))};
}

}  // namespace

std::string str_of(nb::handle object) { return utf8_of(PyObject_Str(object.ptr())); }

std::string repr_of(nb::handle object) { return utf8_of(PyObject_Repr(object.ptr())); }

}  // namespace fllm::python
