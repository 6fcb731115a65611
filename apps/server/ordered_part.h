// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fllm::server {

/// The part of a JSON text behind these keys, as text, with the keys of its objects in the order they were written in. Empty
/// where an object of it has more than 4096 of them: keeping an order takes time that grows with their square.
/// Precondition: the text is valid JSON and has the part.
[[nodiscard]] std::optional<std::string> ordered_part(std::string_view text, const std::vector<std::string>& path);

}  // namespace fllm::server
