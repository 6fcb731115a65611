// SPDX-License-Identifier: Apache-2.0
// fundamentallm._native: the C interface for the Python files beside it, which are what users see.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "python/src/errors.h"
#include "python/src/sampler.h"

namespace nb = nanobind;
using fllm::python::Sampler;

NB_MODULE(_native, m) {
  m.doc() = "The C interface of the library; use the package's own functions.";
  m.attr("version") = fllm_version();
  m.attr("shard_state_bytes") = static_cast<int>(FLLM_SHARD_STATE_BYTES);
  m.def("shard_words", &fllm_shard_words, nb::arg("ranks"), nb::arg("list_size"));
  fllm::python::define_errors(m);
  nb::class_<Sampler>(m, "Sampler")
      .def(nb::init<std::int32_t, std::int32_t, std::int32_t>(), nb::arg("device_type"), nb::arg("device_index"),
           nb::arg("threads"))
      .def_prop_ro("description", &Sampler::description)
      .def("workspace_bytes", &Sampler::workspace_bytes, nb::arg("rows"), nb::arg("vocab"), nb::arg("logits_dtype"),
           nb::arg("blocks_per_row"))
      .def("sample", &Sampler::sample, nb::arg("arrays"), nb::arg("random_stream"), nb::arg("blocks_per_row"),
           nb::arg("advance"), nb::arg("stream"))
      .def("sample_shard", &Sampler::sample_shard, nb::arg("arrays"), nb::arg("shard"), nb::arg("random_stream"),
           nb::arg("blocks_per_row"), nb::arg("advance"), nb::arg("stream"))
      .def("append", &Sampler::append, nb::arg("arrays"), nb::arg("vocab"), nb::arg("stream"));
}
