// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fllm::test {

/// G-test at alpha = 1e-6. Cells that expect fewer than 20 draws are pooled into one; fixed seeds make it repeatable.
void expect_frequencies(const std::vector<std::uint64_t>& counts, const std::vector<double>& probabilities,
                        const std::string& what);

}  // namespace fllm::test
