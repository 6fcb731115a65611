// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/model/gguf_metadata.h"
#include "host/model/metadata.h"

namespace fllm {

/// A GGUF's metadata as the readers of configs take it. The metadata must outlive it.
class GgufMetadataView final : public MetadataView {
 public:
  explicit GgufMetadataView(const GgufMetadata& metadata) : metadata_(metadata) {}
  [[nodiscard]] const std::string& source() const override { return metadata_.source(); }
  [[nodiscard]] std::optional<MetadataValue> find(std::string_view key) const override;

 private:
  const GgufMetadata& metadata_;
};

}  // namespace fllm
