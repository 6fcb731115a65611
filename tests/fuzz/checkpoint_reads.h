// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "host/model/checkpoint.h"
#include "host/model/checkpoint_source.h"
#include "host/model/config_file.h"
#include "host/model/tensor_read.h"
#include "host/model/weight_map.h"

namespace fllm::fuzz {

/// Reads all that load_model would, and every readable tensor beside it.
inline void read_checkpoint(std::span<const std::byte> bytes) {
  Checkpoint checkpoint(ZipArchive::from_memory(bytes, "fuzz.pt"));
  for (const std::string_view name : checkpoint.names()) {
    const PickleTensor& tensor = *checkpoint.find(name);
    if (checkpoint.problem(tensor)) continue;
    std::vector<float> values(static_cast<std::size_t>(*element_count(tensor.shape)));
    checkpoint.read(tensor, values);
  }
  if (checkpoint.config() == nullptr) return;
  const ModelConfig config = config_from_pickle(*checkpoint.config(), "fuzz.pt");
  (void)map_weights(CheckpointSource(checkpoint), config,
                    weight_names(WeightFormat::kFundamentallm, config.architecture));
}

}  // namespace fllm::fuzz
