// SPDX-License-Identifier: Apache-2.0
#include "apps/server/reply_writer.h"

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "fundamentallm/version.h"

namespace fllm::server {

namespace {

using OrderedJson = nlohmann::ordered_json;

std::string dumped(const OrderedJson& json) { return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace); }

std::string new_id(bool is_chat) {
  std::random_device device;
  std::array<char, 32> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x%08x%08x", device(), device(), device());
  return (is_chat ? "chatcmpl-" : "cmpl-") + std::string(digits.data());
}

const char* finish_name(FinishReason reason) {
  const bool by_limit =
      reason == FinishReason::kLength || reason == FinishReason::kContext || reason == FinishReason::kIncomplete;
  return by_limit ? "length" : "stop";
}

/// JSON has no infinity, and clients expect a number.
OrderedJson logprob_number(float logprob) { return std::isfinite(logprob) ? logprob : -9999.0F; }

/// Under the names they have in the lines of `generate`.
void add_scores(const std::optional<BeamScore>& beam, OrderedJson& choice) {
  if (!beam) return;
  choice["score"] = beam->sum;
  choice["normalised_score"] = beam->score;
}

std::size_t count_code_points(const std::string& text) {
  std::size_t count = 0;
  for (const char byte : text) count += (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U ? 1 : 0;
  return count;
}

OrderedJson usage_json(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

/// The bytes of a token; null where it is not whole characters.
OrderedJson token_bytes_json(const std::string& text) {
  if (text.find("\xEF\xBF\xBD") != std::string::npos) return nullptr;
  OrderedJson bytes = OrderedJson::array();
  for (const char byte : text) bytes.push_back(static_cast<unsigned char>(byte));
  return bytes;
}

}  // namespace

Usage total_usage(const std::vector<Completion>& completions) {
  Usage usage;
  for (const Completion& completion : completions) {
    usage.prompt_tokens += completion.usage.prompt_tokens;
    usage.completion_tokens += completion.usage.completion_tokens;
    usage.cached_tokens += completion.usage.cached_tokens;
  }
  return usage;
}

ReplyWriter::ReplyWriter(const Generator& generator, const CompletionRequest& request, std::string model)
    : generator_(&generator),
      request_(&request),
      id_(new_id(request.is_chat())),
      model_(std::move(model)),
      created_(std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
                   .count()),
      offsets_(static_cast<std::size_t>(request.sample_count())) {
  head_ = dumped({{"id", id_},
                  {"object", request.is_chat() ? "chat.completion.chunk" : "text_completion"},
                  {"created", created_},
                  {"model", model_},
                  {"system_fingerprint", "fundamentallm-" FLLM_VERSION}});
  head_.back() = ',';  // in place of the brace: the choices follow
  if (!request.echo) return;
  for (const Prompt& prompt : request.prompts) {
    const auto* ids = std::get_if<std::vector<TokenId>>(&prompt);
    echoed_.push_back(ids != nullptr ? generator.decode(*ids).value() : std::get<std::string>(prompt));
  }
}

std::string ReplyWriter::shown_token(TokenId id) const {
  const Result<std::string> text = generator_->decode({id});
  return text && !text.value().empty() ? text.value() : generator_->token_text(id);
}

OrderedJson ReplyWriter::chat_logprobs(const std::vector<TokenDetail>& details) const {
  const auto entry = [this](const TokenLogprob& logprob) {
    const std::string token = shown_token(logprob.id);
    return OrderedJson{{"token", token}, {"logprob", logprob_number(logprob.raw)}, {"bytes", token_bytes_json(token)}};
  };
  OrderedJson content = OrderedJson::array();
  for (const TokenDetail& detail : details) {
    OrderedJson token = entry(detail.drawn);
    OrderedJson top = OrderedJson::array();
    for (const TokenLogprob& logprob : detail.top) top.push_back(entry(logprob));
    token["top_logprobs"] = std::move(top);
    content.push_back(std::move(token));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

OrderedJson ReplyWriter::logprobs_json(const std::vector<TokenDetail>& details, std::size_t& offset) const {
  if (request_->options.logprobs < 0) return nullptr;
  if (request_->is_chat()) return chat_logprobs(details);
  OrderedJson tokens = OrderedJson::array(), logprobs = tokens, tops = tokens, offsets = tokens;
  for (const TokenDetail& detail : details) {
    const std::string token = shown_token(detail.drawn.id);
    OrderedJson top = OrderedJson::object();
    for (const TokenLogprob& logprob : detail.top) top[shown_token(logprob.id)] = logprob_number(logprob.raw);
    tokens.push_back(token);
    logprobs.push_back(logprob_number(detail.drawn.raw));
    tops.push_back(std::move(top));
    offsets.push_back(offset);
    offset += count_code_points(token);
  }
  return {{"tokens", tokens}, {"token_logprobs", logprobs}, {"top_logprobs", tops}, {"text_offset", offsets}};
}

std::string ReplyWriter::whole(const std::vector<Completion>& completions) const {
  OrderedJson choices = OrderedJson::array();
  for (std::size_t prompt = 0; prompt < completions.size(); ++prompt) {
    for (std::size_t i = 0; i < completions[prompt].samples.size(); ++i) {
      const Sample& sample = completions[prompt].samples[i];
      std::size_t offset = 0;
      OrderedJson choice{{"index", prompt * samples() + i}};  // a search may have found fewer
      if (request_->is_chat()) {
        choice["message"] = {{"role", "assistant"}, {"content", sample.text}, {"refusal", nullptr}};
      } else {
        choice["text"] = request_->echo ? echoed_[prompt] + sample.text : sample.text;
      }
      choice["logprobs"] = logprobs_json(sample.details, offset);
      choice["finish_reason"] = finish_name(sample.finish_reason);
      add_scores(sample.beam, choice);
      choices.push_back(std::move(choice));
    }
  }
  return dumped({{"id", id_},
                 {"object", request_->is_chat() ? "chat.completion" : "text_completion"},
                 {"created", created_},
                 {"model", model_},
                 {"system_fingerprint", "fundamentallm-" FLLM_VERSION},
                 {"choices", std::move(choices)},
                 {"usage", usage_json(total_usage(completions))}});
}

std::string ReplyWriter::chunk_of(std::size_t choice, const std::string& text, const OrderedJson& logprobs,
                                  const char* finish_reason, const std::optional<BeamScore>& beam) const {
  OrderedJson json{{"index", choice}};
  if (request_->is_chat()) {
    json["delta"] = finish_reason != nullptr ? OrderedJson::object() : OrderedJson{{"content", text}};
  } else {
    json["text"] = text;
  }
  json["logprobs"] = logprobs;
  json["finish_reason"] = finish_reason != nullptr ? OrderedJson(finish_reason) : OrderedJson();
  add_scores(beam, json);
  return head_ + "\"choices\":[" + dumped(json) + (request_->include_usage ? "],\"usage\":null}" : "]}");
}

std::string ReplyWriter::first_chunk(std::size_t choice) const {
  if (request_->echo) return chunk_of(choice, echoed_[choice / samples()], nullptr, nullptr);
  if (!request_->is_chat()) return {};
  const OrderedJson json{{"index", choice},
                         {"delta", {{"role", "assistant"}, {"content", ""}}},
                         {"logprobs", nullptr},
                         {"finish_reason", nullptr}};
  return head_ + "\"choices\":[" + dumped(json) + (request_->include_usage ? "],\"usage\":null}" : "]}");
}

std::string ReplyWriter::chunk(std::size_t choice, const StepEvent& event) {
  const bool detailed = event.detail && !request_->options.beam;  // a search's come together, in the last chunk
  if (event.text.empty() && !detailed) return {};
  OrderedJson logprobs;
  if (detailed) logprobs = logprobs_json({*event.detail}, offsets_[choice]);
  return chunk_of(choice, event.text, logprobs, nullptr);
}

std::string ReplyWriter::last_chunk(std::size_t choice, FinishReason reason) const {
  return chunk_of(choice, "", nullptr, finish_name(reason));
}

std::string ReplyWriter::last_chunk(std::size_t choice, const Sample& hypothesis) const {
  std::size_t offset = 0;
  return chunk_of(choice, "", logprobs_json(hypothesis.details, offset), finish_name(hypothesis.finish_reason),
                  hypothesis.beam);
}

std::string ReplyWriter::usage_chunk(const Usage& usage) const {
  return head_ + "\"choices\":[],\"usage\":" + dumped(usage_json(usage)) + "}";
}

}  // namespace fllm::server
