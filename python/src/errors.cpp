// SPDX-License-Identifier: Apache-2.0
#include "python/src/errors.h"

namespace nb = nanobind;

namespace fllm::python {

// Translators are asked from the last to the first, hence the base class first.
void define_errors(nb::module_& module) {
  const nb::exception<LibraryError> base(module, "Error", PyExc_RuntimeError);
  base.attr("__doc__") = "A call of the library failed. ValueError and MemoryError are raised as such.";
  const nb::exception<UnsupportedError> unsupported(module, "UnsupportedError", base);
  unsupported.attr("__doc__") = "A valid request that this build or machine cannot run: no CUDA, no such device.";
  const nb::exception<DeviceLostError> lost(module, "DeviceLostError", base);
  lost.attr("__doc__") = "A device fault, of this launch or an earlier one; every later call says so too.";
}

void check(fllm_status status) {
  switch (status) {
    case FLLM_OK:
      return;
    case FLLM_INVALID_ARGUMENT:
      throw nb::value_error(fllm_last_error());
    case FLLM_OUT_OF_MEMORY:
      PyErr_SetString(PyExc_MemoryError, fllm_last_error());
      throw nb::python_error();
    case FLLM_UNSUPPORTED:
      throw UnsupportedError(fllm_last_error());
    case FLLM_DEVICE_LOST:
      throw DeviceLostError(fllm_last_error());
    default:
      throw LibraryError(fllm_last_error());
  }
}

}  // namespace fllm::python
