// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <span>

#include "fundamentallm/constraint.h"

namespace fllm::python {

/// A Python object with the methods of fundamentallm.Constraint. Called with or without the GIL, which it takes; what Python raises
/// becomes an exception of C++. Masks are memory of Python's, so that nothing dangles where the object keeps them.
class PythonConstraint : public Constraint {
 public:
  /// Precondition: the GIL is held. nanobind::type_error names a method that the object lacks.
  explicit PythonConstraint(nanobind::object constraint);
  PythonConstraint(const PythonConstraint&) = delete;
  PythonConstraint& operator=(const PythonConstraint&) = delete;
  ~PythonConstraint() override;

  void fill_mask(std::span<std::uint32_t> mask) override;
  bool advance(std::int32_t id) override;
  void rollback(std::int32_t token_count) override;
  [[nodiscard]] std::unique_ptr<Constraint> fork() const override;
  [[nodiscard]] bool may_end() const override;

 private:
  nanobind::object constraint_;
  nanobind::object bytes_, words_;  // a bytearray, and a view of it as 32-bit words
};

}  // namespace fllm::python
