// SPDX-License-Identifier: Apache-2.0
#include "python/src/python_constraint.h"

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "python/src/python_text.h"

namespace nb = nanobind;

namespace fllm::python {
namespace {

/// With the GIL. An exception of Python's does not leave, since it may not be destroyed without the GIL: its text does.
template <class Call>
auto in_python(const Call& call) {
  std::string what;
  {
    const nb::gil_scoped_acquire locked;
    try {
      return call();
    } catch (const nb::python_error& error) {
      what = str_of(nb::handle(error.type()).attr("__name__")) + ": " + str_of(error.value());
      if (error.matches(PyExc_KeyboardInterrupt)) PyErr_SetInterrupt();  // the caller's, once it is back in Python
    } catch (const nb::cast_error&) {
      what = "TypeError: the method gave something of another type";
    }
  }
  throw std::runtime_error(what);
}

}  // namespace

PythonConstraint::PythonConstraint(nb::object constraint) : constraint_(std::move(constraint)) {
  for (const char* method : {"fill_mask", "advance", "rollback", "fork", "may_end"}) {
    if (!nb::hasattr(constraint_, method) || PyCallable_Check(constraint_.attr(method).ptr()) == 0) {
      throw nb::type_error((std::string("constraint: ") + repr_of(constraint_.type()) + " has no method " + method +
                            ", as fundamentallm.Constraint has")
                               .c_str());
    }
  }
}

PythonConstraint::~PythonConstraint() {
  if (Py_IsInitialized() == 0) {  // nobody is left to give them back to
    constraint_.release();
    bytes_.release();
    words_.release();
    return;
  }
  const nb::gil_scoped_acquire locked;
  words_.reset();
  bytes_.reset();
  constraint_.reset();
}

void PythonConstraint::fill_mask(std::span<std::uint32_t> mask) {
  in_python([&] {
    if (!bytes_.is_valid()) {
      bytes_ = nb::steal(PyByteArray_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(mask.size_bytes())));
      words_ = nb::steal(PyMemoryView_FromObject(bytes_.ptr())).attr("cast")("I");
    }
    char* bytes = PyByteArray_AsString(bytes_.ptr());  // of this size as long as there is a view
    std::memset(bytes, 0, mask.size_bytes());
    constraint_.attr("fill_mask")(words_);
    std::memcpy(mask.data(), bytes, mask.size_bytes());
  });
}

bool PythonConstraint::advance(std::int32_t id) {
  return in_python([&] { return static_cast<bool>(nb::bool_(constraint_.attr("advance")(id))); });
}

void PythonConstraint::rollback(std::int32_t token_count) {
  in_python([&] { constraint_.attr("rollback")(token_count); });
}

std::unique_ptr<Constraint> PythonConstraint::fork() const {
  return in_python([&]() -> std::unique_ptr<Constraint> {
    try {
      return std::make_unique<PythonConstraint>(constraint_.attr("fork")());
    } catch (const nb::builtin_exception& error) {  // of the constructor
      throw std::runtime_error(error.what());
    }
  });
}

bool PythonConstraint::may_end() const {
  return in_python([&] { return static_cast<bool>(nb::bool_(constraint_.attr("may_end")())); });
}

}  // namespace fllm::python
