// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fundamentallm/options.h"

namespace fllm::cli {

/// Everything a user can set, unset where nothing was said. The same fields are filled from flags, from the keys of a
/// JSONL line and by /set, so that each is named, described and checked in one place (settings_table.cpp).
struct Settings {
  // Input
  std::optional<std::string> prompt, prompt_file, input, system;
  std::optional<bool> chat;
  std::optional<bool> truncate_prompt;
  // Sampling
  std::optional<std::string> preset;
  std::optional<float> temperature, top_p, min_p, repetition_penalty, frequency_penalty, presence_penalty;
  std::optional<std::int32_t> top_k, penalty_window;
  std::optional<std::vector<LogitBias>> logit_bias;
  std::optional<std::uint64_t> seed;
  // Samples
  std::optional<std::int32_t> num_samples;
  std::optional<std::string> pick_best;
  // Beam search
  std::optional<std::int32_t> beam_width, num_return, diversity_groups;
  std::optional<std::string> length_norm, beam_stop, beam_profile;
  std::optional<float> length_penalty, diversity_penalty;
  std::optional<bool> beam_sample;
  // Speculation
  std::optional<std::string> draft_model, speculation;
  std::optional<std::int32_t> draft_tokens, prompt_lookup;
  std::optional<bool> draft_forced;
  // Length and stops
  std::optional<std::int32_t> max_length, max_tokens, min_length, min_tokens;
  std::optional<std::vector<std::string>> stop_tokens;
  std::optional<std::vector<TokenId>> stop_token_ids;
  std::optional<bool> keep_stop;
  // Control
  std::optional<std::string> prefix, ban_chars;
  std::optional<std::vector<std::string>> ban;
  std::optional<std::vector<TokenId>> ban_token_ids;
  // Constraint
  std::optional<std::vector<std::string>> choices;
  std::optional<std::string> regex, json_schema, grammar;
  std::optional<std::string> json_schema_text;  // what is in the file, or was given in its place
  std::optional<bool> json, any_order;
  // Dialogue and interactive
  std::optional<std::vector<std::string>> speakers;
  std::optional<std::int32_t> turns, max_turn_tokens;
  std::optional<bool> context;
  // Output
  std::optional<bool> stream, echo;
  std::optional<std::string> format, output_file;
  std::optional<bool> resume;
  std::optional<std::int32_t> logprobs;
  // Server
  std::optional<std::string> host, api_key, model_name;
  std::optional<std::int32_t> port, max_rows, max_queue, max_connections, timeout;
  std::optional<std::uint64_t> max_body;
  // Machine
  std::optional<std::string> device, dtype;
  std::optional<std::int32_t> threads;
  std::optional<std::uint64_t> kv_memory;
  std::optional<bool> verbose, quiet;

  [[nodiscard]] bool echoes() const { return echo.value_or(!chat.value_or(false)); }
  [[nodiscard]] bool is_quiet() const { return quiet.value_or(false); }
  [[nodiscard]] bool is_verbose() const { return verbose.value_or(false); }
  [[nodiscard]] bool is_jsonl() const;
  /// Texts of a prompt that are shown.
  [[nodiscard]] std::int32_t text_count() const {
    return beam_width ? num_return.value_or(1) : num_samples.value_or(1);
  }
  /// Sequences of a prompt that are computed together.
  [[nodiscard]] std::int32_t row_count() const { return beam_width ? *beam_width : num_samples.value_or(1); }
};

/// Where a setting lives; its type is the kind of value it takes.
using SettingField =
    std::variant<std::optional<bool> Settings::*, std::optional<std::int32_t> Settings::*,
                 std::optional<std::uint64_t> Settings::*, std::optional<float> Settings::*,
                 std::optional<std::string> Settings::*, std::optional<std::vector<std::string>> Settings::*,
                 std::optional<std::vector<TokenId>> Settings::*, std::optional<std::vector<LogitBias>> Settings::*>;

/// The commands that take a setting, as bits.
enum CommandBits : unsigned { kGenerate = 1, kDialogue = 2, kInteractive = 4, kGuide = 8, kInfo = 16, kServe = 32 };

struct Setting {
  std::string_view name;  // "top-k"; the flag is --top-k
  SettingField field;
  std::string_view value_name;  // for --help
  std::string_view group;
  unsigned commands = 0;
  bool per_request = false;       // may be a key of an input line, and of /set
  std::string_view help;          // with default and unit
  std::string_view choices = {};  // "a|b" where only these words are allowed
  std::string_view implied = {};  // the value of a bare flag that may go without one
  std::string_view zero = {};     // a word for 0
};

/// What a setting of the type std::int32_t may be, for messages.
[[nodiscard]] std::string allowed_whole_number(const Setting& setting);

[[nodiscard]] bool is_list(const Setting& setting);
[[nodiscard]] bool is_flag(const Setting& setting);  // takes no value on the command line

[[nodiscard]] std::span<const Setting> settings_table();
/// By name, with dashes or underscores; null when there is none.
[[nodiscard]] const Setting* find_setting(std::string_view name);
/// The closest name, for "did you mean"; empty when none is close.
[[nodiscard]] std::string_view closest_setting(std::string_view name, unsigned commands);

/// Sets a field from words of the command line. What is wrong goes to violations as "label: value: what is allowed".
void assign_text(Settings& settings, const Setting& setting, const std::vector<std::string>& words,
                 const std::string& label, std::vector<std::string>& violations);

}  // namespace fllm::cli
