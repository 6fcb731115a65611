// SPDX-License-Identifier: Apache-2.0
// fundamentallm._generator: from prompts to text, where the package was built with the whole library.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <new>

#include "python/src/generator.h"

namespace nb = nanobind;
using fllm::python::Generator;

NB_MODULE(_generator, m) {  // NOLINT(performance-unnecessary-value-param): the macro declares m
  m.doc() = "The generator of the library; use the package's own class.";
  nb::class_<Generator>(m, "Generator")
      .def(
          "__init__",
          [](Generator* self, const std::string& path, const std::string& device, std::int32_t threads,
             std::int32_t max_rows, std::int64_t kv_cache_bytes, std::int32_t prefill_tokens, bool prefix_cache,
             const std::string& dtype, const std::string& draft_model) {
            new (self) Generator(
                path, {device, threads, max_rows, kv_cache_bytes, prefill_tokens, prefix_cache, dtype, draft_model});
          },
          nb::arg("path"), nb::arg("device"), nb::arg("threads"), nb::arg("max_rows"), nb::arg("kv_cache_bytes"),
          nb::arg("prefill_tokens"), nb::arg("prefix_cache"), nb::arg("dtype"), nb::arg("draft_model"))
      .def("info", &Generator::info)
      .def("metrics", &Generator::metrics)
      .def("encode", &Generator::encode, nb::arg("text"))
      .def("decode", &Generator::decode, nb::arg("ids"))
      .def("token_bytes", &Generator::token_bytes)
      .def("end_ids", &Generator::end_ids)
      .def("submit", &Generator::submit, nb::arg("prompt"), nb::arg("options"))
      .def("step", &Generator::step)
      .def("cancel", &Generator::cancel, nb::arg("id"))
      .def("finished", &Generator::finished, nb::arg("id"))
      .def("text", &Generator::text, nb::arg("id"))
      .def("take", &Generator::take, nb::arg("id"));
}
