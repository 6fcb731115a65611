// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fundamentallm/c_api.h"
#include "host/api/tensor_view.h"

namespace fllm {

/// What fllm_history_append_args_from_dl does. Exception(kInvalidArgument) with every violation, one a line; args is then as it
/// was.
void fill_from_tensors(const TensorDevice& device, const fllm_history_append_tensors& tensors,
                       fllm_history_append_args& args);

}  // namespace fllm
