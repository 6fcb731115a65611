// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "apps/cli/commands.h"
#include "apps/cli/errors.h"
#include "apps/cli/model_path.h"
#include "apps/cli/output_sink.h"
#include "apps/cli/text.h"

namespace fllm::cli {

namespace {

std::string as_text(const ModelInfo& info, std::int64_t sequence_bytes) {
  const auto row = [](const std::string& name, const std::string& value) {
    constexpr std::size_t kColumn = 16;
    return name + ":" + std::string(kColumn - name.size(), ' ') + value + "\n";
  };
  std::string text = row("model", info.path);
  text += row("format", info.format);
  const std::string kv_heads =
      info.kv_head_count != info.head_count ? " (" + std::to_string(info.kv_head_count) + " of keys and values)" : "";
  text += row("architecture", info.architecture + ", " + std::to_string(info.layer_count) + " layers, " +
                                  std::to_string(info.head_count) + " heads" + kv_heads + ", width " +
                                  std::to_string(info.model_width) + ", feed-forward width " +
                                  std::to_string(info.ffn_width) + ", " + info.position_encoding + " positions");
  text += row("parameters", grouped(info.parameter_count));
  text += row("tokenizer", info.tokenizer);
  text += row("chat template", info.chat_template.empty() ? "none" : info.chat_template);
  text += row("vocabulary", grouped(info.vocab_size) + " tokens");
  text += row("context", grouped(info.context_length) + " tokens, prompt and output");
  text += row("device", info.device);
  text += row("memory", readable_bytes(info.weight_bytes) + " for weights (" + info.dtype + "), " +
                            readable_bytes(sequence_bytes) + " for each sequence at full context (" +
                            readable_bytes(info.kv_bytes_per_token) + " a token)");
  return text;
}

std::string info_json(const ModelInfo& info, std::int64_t sequence_bytes) {
  const nlohmann::ordered_json json{{"path", info.path},
                                    {"format", info.format},
                                    {"architecture", info.architecture},
                                    {"parameters", info.parameter_count},
                                    {"layers", info.layer_count},
                                    {"heads", info.head_count},
                                    {"kv_heads", info.kv_head_count},
                                    {"width", info.model_width},
                                    {"ffn_width", info.ffn_width},
                                    {"position_encoding", info.position_encoding},
                                    {"tokenizer", info.tokenizer},
                                    {"chat_template", info.chat_template},
                                    {"vocab_size", info.vocab_size},
                                    {"context_length", info.context_length},
                                    {"device", info.device},
                                    {"dtype", info.dtype},
                                    {"weight_bytes", info.weight_bytes},
                                    {"kv_bytes_per_token", info.kv_bytes_per_token},
                                    {"sequence_bytes", sequence_bytes}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

int run_info(CommandLine& line) {
  check_machine(line.settings, line.violations);
  check_usage(line);
  const Generator generator = open_generator(line, 1);
  const ModelInfo& info = generator.info();
  const std::int64_t sequence_bytes = info.kv_bytes_per_token * info.context_length;
  OutputSink sink("");
  sink.write(line.settings.is_jsonl() ? info_json(info, sequence_bytes) : as_text(info, sequence_bytes));
  sink.commit();
  return kExitSuccess;
}

}  // namespace fllm::cli
