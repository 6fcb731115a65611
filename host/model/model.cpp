// SPDX-License-Identifier: Apache-2.0
#include "host/model/model.h"

#include "host/model/checkpoint.h"
#include "host/model/checkpoint_source.h"
#include "host/model/config_file.h"
#include "host/model/weight_names.h"

namespace fllm {
Model load_model(const std::string& path, Backend& backend, Dtype dtype) {
  Checkpoint checkpoint = Checkpoint::open(path);
  const ModelConfig config = find_config(checkpoint, path);
  const WeightNames& names = weight_names(WeightFormat::kFundamentallm, config.architecture);
  return load_model(CheckpointSource(checkpoint), config, names, backend, dtype);
}

}  // namespace fllm
