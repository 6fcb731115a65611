// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <numeric>
#include <string_view>

#include "apps/cli/settings.h"
#include "fundamentallm/names.h"

namespace fllm::cli {

namespace {

using S = Settings;
constexpr unsigned kText = kGenerate | kDialogue | kInteractive;  // commands that draw text
constexpr unsigned kAll = kText | kGuide | kInfo | kServe;
constexpr unsigned kRunning = kAll;

/// The names of an enumeration with bars between them.
template <class Enum>
constexpr auto kJoined = [] {
  std::array<char, std::accumulate(kNames<Enum>.begin(), kNames<Enum>.end(), std::size_t{0},
                                   [](std::size_t size, std::string_view name) { return size + name.size() + 1; })>
      text{};
  auto end = text.begin();
  for (const std::string_view name : kNames<Enum>) {
    end = std::copy(name.begin(), name.end(), end);
    *end++ = '|';
  }
  return text;
}();
template <class Enum>
constexpr std::string_view kChoices(kJoined<Enum>.data(), kJoined<Enum>.size() - 1);

/// The rules of speculation, and none of them.
constexpr auto kSpeculations = [] {
  constexpr std::string_view kOff = "off";
  std::array<char, kJoined<SpeculationRule>.size() + kOff.size()> text{};
  std::copy(kOff.begin(), kOff.end(),
            std::copy(kJoined<SpeculationRule>.begin(), kJoined<SpeculationRule>.end(), text.begin()));
  return text;
}();

constexpr std::array kTable{
    Setting{"prompt", &S::prompt, "TEXT", "Input", kGenerate | kDialogue | kGuide, true,
            "The text to go on from, UTF-8 (default: none; generate, dialogue: - is stdin)"},
    Setting{"prompt-file", &S::prompt_file, "FILE", "Input", kGenerate | kDialogue | kGuide, true,
            "The whole file is one prompt, final newline included (default: none;\ngenerate, dialogue: - is stdin)"},
    Setting{"input", &S::input, "FILE.jsonl", "Input", kGenerate, false,
            "One request per line as a JSON object whose keys are flags without dashes,\n"
            "and an optional id; - is stdin (default: none)"},
    Setting{"chat", &S::chat, "", "Input", kGenerate | kInteractive, true,
            "The prompt is a message to a model made for conversations: it is written in the\n"
            "model's own chat template, and the text is the answer (default: the text goes on\n"
            "from the prompt)"},
    Setting{"system", &S::system, "TEXT", "Input", kGenerate | kInteractive, true,
            "With --chat, what the model is told before the message (default: what its\ntemplate says)"},
    Setting{"truncate-prompt", &S::truncate_prompt, "", "Input", kGenerate, true,
            "Keep the last tokens of a prompt longer than the model's context\n(default: that is an error)"},

    Setting{"preset", &S::preset, "NAME", "Sampling", kText, true,
            "default (temperature 0.8, top-k 50, top-p 0.9), creative (1.0, top-p 0.95,\n"
            "repetition penalty 1.1), factual (0.5, top-k 20, top-p 0.85) or diverse (1.2,\n"
            "top-p 0.95, repetition penalty 1.3). Default: default. A flag below overrides\n"
            "that one value of the preset",
            "default|creative|factual|diverse"},
    Setting{"temperature", &S::temperature, "X", "Sampling", kText, true,
            "Divides the logits, >= 0; 0 is greedy (default: 0.8, from the preset)"},
    Setting{"top-k", &S::top_k, "N", "Sampling", kText, true,
            "Keep the N most likely tokens; 0 is off (default: 50, from the preset)"},
    Setting{"top-p", &S::top_p, "X", "Sampling", kText, true,
            "Keep the smallest set with this probability; 1 is off\n(default: 0.9, from the preset)"},
    Setting{"min-p", &S::min_p, "X", "Sampling", kText, true,
            "Keep tokens with at least X times the largest probability, 0 to 1 (default: 0, off)"},
    Setting{"repetition-penalty", &S::repetition_penalty, "X", "Sampling", kText, true,
            "Divides (or multiplies, if negative) the logits of tokens of prompt and output,\n"
            "> 0 (default: 1, off)"},
    Setting{"frequency-penalty", &S::frequency_penalty, "X", "Sampling", kText, true,
            "Subtracted for each time a token is in the output, -2 to 2 (default: 0)"},
    Setting{"presence-penalty", &S::presence_penalty, "X", "Sampling", kText, true,
            "Subtracted once from tokens of the output, -2 to 2 (default: 0)"},
    Setting{"penalty-window", &S::penalty_window, "TOKENS", "Sampling", kText, true,
            "The repetition penalty looks at this many last tokens; 0 is all (default: 0)"},
    Setting{"logit-bias", &S::logit_bias, "ID=X...", "Sampling", kText, true,
            "Adds X to the logit of token ID; several (default: none)"},
    Setting{"seed", &S::seed, "N", "Sampling", kText, true,
            "The same seed gives the same text, 0 to 2^64-1 (default: random, shown by\n--verbose and in JSON)"},

    Setting{"num-samples", &S::num_samples, "N", "Samples", kGenerate, true,
            "Continuations of each prompt, 1 to 4096; text format puts an empty line between\nthem (default: 1)"},
    Setting{"pick-best", &S::pick_best, "RULE", "Samples", kGenerate, true,
            "Print only the best of the samples, by mean-logprob (also without RULE)\n"
            "or sum-logprob of the model's own distribution (default: print all)",
            "mean-logprob|sum-logprob", "mean-logprob"},

    Setting{"beam-width", &S::beam_width, "N", "Beam search", kGenerate | kInteractive, true,
            "Searches for the most likely texts with N beams, 1 to 1024, instead of drawing one; the preset\n"
            "plays no part then (default: none, tokens are drawn)"},
    Setting{"num-return", &S::num_return, "N", "Beam search", kGenerate, true,
            "Hypotheses returned, best first, at most --beam-width (default: 1)"},
    Setting{"length-norm", &S::length_norm, "RULE", "Beam search", kGenerate | kInteractive, true,
            "What sums of log-probabilities are divided by, n tokens: gnmt ((5+n)/6)^P, power n^P,\n"
            "none 1 (default: gnmt, with a profile power)",
            kChoices<LengthNorm>},
    Setting{"length-penalty", &S::length_penalty, "P", "Beam search", kGenerate | kInteractive, true,
            "The exponent, -6 to 6; more favours longer texts (default: 0.6, with a profile 1)"},
    Setting{"beam-stop", &S::beam_stop, "RULE", "Beam search", kGenerate | kInteractive, true,
            "The search ends: exact, when no beam can still get among the best; first-k, with N\n"
            "hypotheses; heuristic, when the best beam as it is would not get among them; never-early\n"
            "(default: exact)",
            kChoices<BeamStopRule>},
    Setting{"beam-profile", &S::beam_profile, "NAME", "Beam search", kGenerate | kInteractive, true,
            "Search as Hugging Face transformers or CTranslate2 do, token for token (default: none)",
            kChoices<BeamProfile>},
    Setting{"beam-sample", &S::beam_sample, "", "Beam search", kGenerate | kInteractive, true,
            "Draw the beams, after temperature and filters, which the preset sets too (default: off)"},
    Setting{"diversity-groups", &S::diversity_groups, "N", "Beam search", kGenerate, true,
            "Groups of beams that avoid each other's tokens; divides --beam-width (default: 1)"},
    Setting{"diversity-penalty", &S::diversity_penalty, "X", "Beam search", kGenerate, true,
            "By how much, for each beam that took the token, >= 0 (default: 0)"},

    Setting{"draft-model", &S::draft_model, "PATH", "Speculation", kText | kServe, false,
            "A small model with the same tokenizer guesses ahead, and the model confirms several\n"
            "tokens in one step (default: none)"},
    Setting{"draft-tokens",
            &S::draft_tokens,
            "N",
            "Speculation",
            kText | kServe,
            true,
            "Guesses a step, 1 to 16; auto: as many as have paid so far (default: auto)",
            {},
            {},
            "auto"},
    Setting{"prompt-lookup",
            &S::prompt_lookup,
            "NGRAM",
            "Speculation",
            kText | kServe,
            true,
            "Guess what followed the last NGRAM tokens, or fewer, before, 1 to 16; without NGRAM 3; it\n"
            "takes the place of the draft model (default: 0, off)",
            {},
            "3"},
    Setting{"draft-forced", &S::draft_forced, "", "Speculation", kGenerate | kServe, true,
            "Guess only what a constraint or --prefix leaves no choice about, and what --prompt-lookup\n"
            "finds; it takes the place of the draft model (default: off)"},
    Setting{"speculation", &S::speculation, "RULE", "Speculation", kText | kServe, true,
            "coupled: the text is the one without guesses; ratio: the same distribution, and more\n"
            "guesses are accepted; off: nothing is guessed (default: coupled)",
            std::string_view(kSpeculations.data(), kSpeculations.size())},

    Setting{"max-tokens", &S::max_tokens, "TOKENS", "Length", kGenerate | kInteractive | kServe, true,
            "New tokens at most (default: 200; serve refuses requests for more, default: no limit)"},
    Setting{"max-length", &S::max_length, "TOKENS", "Length", kGenerate | kInteractive, true,
            "Prompt and new tokens at most; the smaller limit wins (default: none)"},
    Setting{"min-tokens", &S::min_tokens, "TOKENS", "Length", kGenerate | kInteractive, true,
            "New tokens before any end or stop is accepted (default: 0)"},
    Setting{"min-length", &S::min_length, "TOKENS", "Length", kGenerate | kInteractive, true,
            "The same, counting the prompt; the larger one wins (default: none)"},
    Setting{"stop-tokens", &S::stop_tokens, "TEXT...", "Length", kText, true,
            "Stop at any of these texts, several; the text is cut (default: none)"},
    Setting{"stop-token-ids", &S::stop_token_ids, "ID...", "Length", kText, true,
            "Stop at any of these tokens, several (default: the model's end token alone)"},
    Setting{"keep-stop", &S::keep_stop, "", "Length", kGenerate | kInteractive, true,
            "Leave the stop text in the output (default: cut it)"},

    Setting{"prefix", &S::prefix, "TEXT", "Control", kGenerate | kInteractive, true,
            "The generated text starts with this (default: none)"},
    Setting{"ban", &S::ban, "TEXT...", "Control", kText, true,
            "Texts that never appear in the output, several (default: none)"},
    Setting{"ban-chars", &S::ban_chars, "CHARS", "Control", kText, true,
            "Characters that never appear in the output, as in \".,!?;:\" (default: none)"},
    Setting{"ban-token-ids", &S::ban_token_ids, "ID...", "Control", kText, true,
            "Tokens that are never drawn, several (default: none)"},

    Setting{"choices", &S::choices, "TEXT...", "Constraint", kGenerate, true,
            "The generated text is one of these, several (default: any text)"},
    Setting{"regex", &S::regex, "PATTERN", "Constraint", kGenerate, true,
            "The whole of the generated text matches this regular expression; docs/constraints.md\n"
            "has its syntax (default: any text)"},
    Setting{"json-schema", &S::json_schema, "FILE", "Constraint", kGenerate, true,
            "The generated text is JSON that the JSON Schema in this file accepts; in an input line\n"
            "also the schema itself, as an object (default: any text)"},
    Setting{"any-order", &S::any_order, "", "Constraint", kGenerate, true,
            "With --json-schema: up to 6 properties of an object come in any order\n"
            "(default: in that of the schema)"},
    Setting{"json", &S::json, "", "Constraint", kGenerate, true,
            "The generated text is JSON, at most 5 arrays and objects deep (default: any text)"},
    Setting{"grammar", &S::grammar, "KIND", "Constraint", kGenerate, true,
            "dialogue: the generated text is --turns lines \"NAME: ...\" of the --speakers in turn\n"
            "(default: any text)",
            "dialogue"},

    Setting{"speakers", &S::speakers, "NAME...", "Dialogue", kDialogue | kGenerate, true,
            "Who speaks, in turn; generate: with --grammar dialogue (default: Alice Bob)"},
    Setting{"turns", &S::turns, "N", "Dialogue", kDialogue | kGenerate, true,
            "Turns in all, > 0; generate: with --grammar dialogue (default: 5)"},
    Setting{"max-turn-tokens", &S::max_turn_tokens, "TOKENS", "Dialogue", kDialogue, false,
            "Tokens of one turn at most; it also ends at a newline (default: 80)"},
    Setting{"context", &S::context, "", "Conversation", kInteractive, true,
            "Go on from all that was said since /clear, cut on the left where it exceeds\n"
            "the model's context (default: on)"},

    Setting{"stream", &S::stream, "", "Output", kText, false,
            "Print text as it is drawn (default: on for one sample on a terminal)"},
    Setting{"echo", &S::echo, "", "Output", kGenerate | kDialogue, true,
            "Print the prompt before the text (default: on in text format without --chat; never in JSON,\n"
            "which has its own field)"},
    Setting{"format", &S::format, "FORMAT", "Output", kGenerate | kDialogue | kInfo, false,
            "text, or jsonl: JSON objects, one a line (default: text, but jsonl with --input)", "text|jsonl"},
    Setting{"output-file", &S::output_file, "FILE", "Output", kGenerate | kDialogue, false,
            "Write the result here, not to stdout; the file appears whole, at the end\n(default: -, which is stdout)"},
    Setting{"resume", &S::resume, "", "Output", kGenerate, false,
            "With --input and --output-file: go on where a run of the same command was cut off\n(default: begin anew)"},
    Setting{"logprobs", &S::logprobs, "N", "Output", kGenerate, true,
            "With jsonl: log-probabilities (natural) of each token and of the N most likely,\n"
            "0 to 32 (default: none)"},

    Setting{"host", &S::host, "ADDRESS", "Server", kServe, false,
            "The address to listen on (default: 127.0.0.1, for this machine alone)"},
    Setting{"port", &S::port, "N", "Server", kServe, false, "0 is any that is free, which is printed (default: 8080)"},
    Setting{"api-key", &S::api_key, "KEY", "Server", kServe, false,
            "What clients must send as Authorization: Bearer KEY. Others on this machine may see\n"
            "command lines, but not the environment variable FUNDAMENTALLM_API_KEY, which is read\n"
            "where this is not given (default: none, everyone is answered)"},
    Setting{"model-name", &S::model_name, "NAME", "Server", kServe, false,
            "What clients call the model (default: from its file or folder)"},
    Setting{"max-rows", &S::max_rows, "N", "Server", kServe, false,
            "Samples that are drawn together, 1 to 4096 (default: 64)"},
    Setting{"max-queue", &S::max_queue, "N", "Server", kServe, false,
            "Samples that may wait for a place among these; with more, requests are answered\n"
            "with 429 (default: 256)"},
    Setting{"max-connections", &S::max_connections, "N", "Server", kServe, false,
            "Connections at once, 1 to 900; more are answered with 429 (default: 512)"},
    Setting{"max-body", &S::max_body, "BYTES", "Server", kServe, false,
            "Of one request; longer ones are answered with 413 (default: 1048576)"},
    Setting{"timeout", &S::timeout, "SECONDS", "Server", kServe, false,
            "For one request, waiting included (default: 600)"},

    Setting{"device", &S::device, "DEVICE", "Machine", kRunning, false,
            "auto, cpu, cuda or cuda:N (default: auto, CUDA where there is a device)"},
    Setting{"dtype", &S::dtype, "TYPE", "Machine", kRunning, false,
            "Weights that are multiplied: auto (what the file has), fp32, fp16 or bf16; on the CPU auto\n"
            "and fp32 are the same, and the others are not there (default: auto)",
            "auto|fp32|fp16|bf16"},
    Setting{"threads", &S::threads, "N", "Machine", kRunning, false,
            "CPU threads, 0 to 1024; 0 is one per core (default: 0)"},
    Setting{"kv-memory", &S::kv_memory, "BYTES", "Machine", kGenerate | kServe, false,
            "Memory of keys and values; requests wait until there is room (default: 0, for\n"
            "every row of a batch, at most half of what is free)"},
    Setting{"verbose", &S::verbose, "", "Machine", kAll, false,
            "Show model, device, seed and timing on stderr (default: off)"},
    Setting{"quiet", &S::quiet, "", "Machine", kAll, false, "Nothing on stderr but errors (default: off)"},
};

/// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substitution = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substitution, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

bool Settings::is_jsonl() const { return format ? *format == "jsonl" : input.has_value(); }

bool is_list(const Setting& setting) {
  return std::visit(
      [](auto member) {
        using Field = std::remove_reference_t<decltype(std::declval<Settings&>().*member)>;
        return std::is_same_v<Field, std::optional<std::vector<std::string>>> ||
               std::is_same_v<Field, std::optional<std::vector<TokenId>>> ||
               std::is_same_v<Field, std::optional<std::vector<LogitBias>>>;
      },
      setting.field);
}

bool is_flag(const Setting& setting) { return std::holds_alternative<std::optional<bool> Settings::*>(setting.field); }

std::span<const Setting> settings_table() { return kTable; }

const Setting* find_setting(std::string_view name) {
  std::string dashed(name);
  std::replace(dashed.begin(), dashed.end(), '_', '-');
  const auto* found = std::find_if(kTable.begin(), kTable.end(), [&](const Setting& s) { return s.name == dashed; });
  return found == kTable.end() ? nullptr : found;
}

std::string_view closest_setting(std::string_view name, unsigned commands) {
  constexpr std::size_t kMaxNameLength = 64;  // longer ones are no slip of the finger
  if (name.size() > kMaxNameLength) return {};
  std::string_view best;
  std::size_t best_distance = 3;  // two slips at most
  for (const Setting& setting : kTable) {
    if ((setting.commands & commands) == 0) continue;
    if (const std::size_t distance = edit_distance(name, setting.name); distance < best_distance) {
      best = setting.name;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace fllm::cli
