// SPDX-License-Identifier: Apache-2.0
#include "host/model/gguf_metadata_view.h"

namespace fllm {

std::optional<MetadataValue> GgufMetadataView::find(std::string_view key) const {
  const GgufValue* value = metadata_.find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto integer = value->integer()) return *integer;
  if (const auto real = value->real()) return *real;
  if (const auto flag = value->flag()) return *flag;
  if (const auto text = value->text()) return std::string(*text);
  if (value->type == GgufType::kUint64) return 0x1p63;  // at least: outside every range
  return MetadataArray{value->count};
}

}  // namespace fllm
