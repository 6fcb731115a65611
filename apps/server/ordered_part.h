// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fllm::server {

/// The part of a JSON text behind these keys as it was written, so that the keys of its objects keep their order.
/// Precondition: the text is a valid JSON object, in which no key stands twice, and has the part.
[[nodiscard]] std::string ordered_part(std::string_view text, const std::vector<std::string>& path);

}  // namespace fllm::server
