// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <stdexcept>

#include "fundamentallm/c_api.h"

namespace fllm::python {

/// Raised in Python as fundamentallm.Error and its subclasses.
struct LibraryError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct UnsupportedError : LibraryError {
  using LibraryError::LibraryError;
};
struct DeviceLostError : LibraryError {
  using LibraryError::LibraryError;
};

void define_errors(nanobind::module_& module);

/// Throws what a status other than FLLM_OK becomes, with the library's message. Needs the GIL.
void check(fllm_status status);

}  // namespace fllm::python
