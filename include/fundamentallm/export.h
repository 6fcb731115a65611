// SPDX-License-Identifier: Apache-2.0
#pragma once

// Marks what the library promises; everything else stays hidden.
#define FLLM_API __attribute__((visibility("default")))
