// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/settings.h"
#include "fundamentallm/request.h"

namespace fllm::cli {

/// The preset's values, overridden one by one by what was set explicitly. Without a preset, "default" applies.
[[nodiscard]] SamplingOptions sampling_options(const Settings& settings);

/// None where nothing is guessed.
[[nodiscard]] std::optional<SpeculationOptions> speculation_options(const Settings& settings);
/// Whether there is a constraint or a prefix, which may leave a token no choice.
[[nodiscard]] bool can_force(const Settings& settings);

[[nodiscard]] Request make_request(const Settings& settings, std::string prompt);
/// Of a conversation, which the message of --system goes before where it has none of its own.
[[nodiscard]] Request make_request(const Settings& settings, std::vector<ChatMessage> messages);

/// The library's violations, with its names replaced by flags ("--top-p: ...") where label_flags, else by keys ("top-p: ...").
[[nodiscard]] std::vector<std::string> request_violations(const Request& request, bool label_flags);
/// The same for a message that came back from submit, one violation a line.
[[nodiscard]] std::vector<std::string> with_flag_names(const std::string& message, bool label_flags);

/// The text of --prompt, --prompt-file or stdin. Errors: kNotFound, kIo, kInvalidArgument (the offset of invalid UTF-8).
/// Precondition: one of prompt, prompt_file is set.
[[nodiscard]] std::string prompt_text(const Settings& settings);

/// Where --system has no conversation to be a part of.
void check_system(const Settings& settings, std::vector<std::string>& violations);

/// Where a setting of beam search has no search to be a part of.
void check_beams(const Settings& settings, bool label_flags, std::vector<std::string>& violations);

/// Where a setting of speculation has nothing to guess from.
void check_speculation(const Settings& settings, bool label_flags, std::vector<std::string>& violations);

/// Where --prompt, --prompt-file and --input contradict each other, or none is given though one is needed; and where a
/// file, --output-file too, has no name.
void check_files(const Settings& settings, bool needed, std::vector<std::string>& violations);

}  // namespace fllm::cli
