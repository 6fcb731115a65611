// SPDX-License-Identifier: Apache-2.0
#include "cuda/backend/serial_isa.h"

#include <cstdlib>
#include <string>

#include "fundamentallm/result.h"

namespace fllm {

const SerialKernels& choose_serial_kernels() {
  const char* limit = std::getenv("FLLM_ISA");
  const SerialIsa* best = serial_isas().begin();
  std::string known;
  for (const SerialIsa& isa : serial_isas_and_variants()) {
    if (isa.usable()) best = &isa;
    if (limit != nullptr && limit == std::string(isa.name)) return best->kernels();
    known += known.empty() ? isa.name : std::string(", ") + isa.name;
  }
  if (limit != nullptr && *limit != '\0') {
    throw Exception(ErrorCode::kInvalidArgument, std::string("FLLM_ISA is \"") + limit + "\"; allowed: " + known);
  }
  return best->kernels();
}

}  // namespace fllm
