// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <string>

namespace fllm::python {

/// str(object) and repr(object) for messages, with the GIL: what is no UTF-8 is escaped, and one that raises is named as such. Never
/// throw.
[[nodiscard]] std::string str_of(nanobind::handle object);
[[nodiscard]] std::string repr_of(nanobind::handle object);

}  // namespace fllm::python
