// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "fundamentallm/generator.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/plain_model.h"
#include "tests/support/temporary_folder.h"

// Models of every format, opened as a user does: written by hand, and compared with an evaluation of their weights.
namespace fllm::test {
namespace {

using testing::HasSubstr;
constexpr std::int32_t kVocab = 64;
constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345678";  // 61
constexpr const char* kJinja =
    "{% for m in messages %}{{'<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>'}}{% endfor %}";

/// What every format can say: heads that share the width, plain rotation.
ModelConfig tiny_llama() {
  ModelConfig config = small_llama();
  config.vocab_size = kVocab;
  config.head_dim = config.d_model / config.num_heads;
  config.rotary = {.base = 10000, .dimensions = config.head_dim, .pairing = RopePairing::kHalves};
  config.output = OutputKind::kTied;
  return config;
}

std::vector<float> values_of(const MemorySource& source, const TensorInfo& tensor) {
  std::vector<float> values(tensor.bytes / sizeof(float));
  source.read(tensor, values);
  return values;
}

/// Pieces of SentencePiece's kind: unknown, two control tokens, letters.
std::vector<std::string> sentence_pieces() {
  std::vector<std::string> pieces = {"<unk>", "<s>", "</s>"};
  for (const char letter : std::string_view(kLetters)) pieces.emplace_back(1, letter);
  return pieces;
}

std::string gguf_bytes(const PlainModel& model) {
  const ModelConfig& c = model.config;
  const auto u32 = [](std::int32_t value) { return gguf::u32(static_cast<std::uint32_t>(value)); };
  std::vector<std::int32_t> kinds(kVocab, 1);
  kinds[0] = 2;
  kinds[1] = kinds[2] = 3;
  gguf::File file;
  file.keys = {{"general.architecture", gguf::text("llama")},
               {"llama.vocab_size", u32(c.vocab_size)},
               {"llama.context_length", u32(c.sequence_length)},
               {"llama.embedding_length", u32(c.d_model)},
               {"llama.block_count", u32(c.num_layers)},
               {"llama.feed_forward_length", u32(c.ffn_width)},
               {"llama.attention.head_count", u32(c.num_heads)},
               {"llama.attention.head_count_kv", u32(c.num_kv_heads)},
               {"llama.attention.layer_norm_rms_epsilon", gguf::number(6, c.norm_epsilon)},
               {"tokenizer.ggml.model", gguf::text("llama")},
               {"tokenizer.ggml.tokens", gguf::texts(sentence_pieces())},
               {"tokenizer.ggml.scores", gguf::f32s(std::vector<float>(kVocab, 0.0f))},
               {"tokenizer.ggml.token_type", gguf::i32s(kinds)},
               {"tokenizer.ggml.bos_token_id", gguf::u32(1)},
               {"tokenizer.ggml.eos_token_id", gguf::u32(2)},
               {"tokenizer.ggml.add_space_prefix", gguf::flag(false)},
               {"tokenizer.chat_template", gguf::text("{{ a template of nobody }}")}};
  const MemorySource source = as_gguf(model);
  for (const TensorInfo& tensor : source.tensors()) {
    const std::vector<std::uint64_t> dimensions(tensor.shape.rbegin(), tensor.shape.rend());
    file.tensors.push_back({tensor.name, dimensions, 0, bytes_of(values_of(source, tensor))});
  }
  return gguf::file(file);
}

std::string safetensors_bytes(const MemorySource& source) {
  nlohmann::ordered_json header;
  std::string data;
  for (const TensorInfo& tensor : source.tensors()) {
    const std::size_t begin = data.size();
    data += bytes_of(values_of(source, tensor));
    header[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  const std::string text = header.dump();
  return bytes_of<std::uint64_t>(text.size()) + text + data;
}

void write_huggingface(const TemporaryFolder& folder, const PlainModel& model) {
  const ModelConfig& c = model.config;
  const nlohmann::json config = {{"architectures", {"LlamaForCausalLM"}},
                                 {"vocab_size", c.vocab_size},
                                 {"hidden_size", c.d_model},
                                 {"num_hidden_layers", c.num_layers},
                                 {"num_attention_heads", c.num_heads},
                                 {"num_key_value_heads", c.num_kv_heads},
                                 {"intermediate_size", c.ffn_width},
                                 {"max_position_embeddings", c.sequence_length},
                                 {"rms_norm_eps", c.norm_epsilon},
                                 {"hidden_act", "silu"},
                                 {"tie_word_embeddings", true}};
  nlohmann::json pieces;
  std::int32_t id = 3;
  for (const char letter : std::string_view(kLetters)) pieces[std::string(1, letter)] = id++;
  for (const char* other : {"<|endoftext|>", "9", "!"}) pieces[other] = --id - 61;
  folder.write("config.json", config.dump());
  folder.write("vocab.json", pieces.dump());
  folder.write("merges.txt", "#version: 0.2\n");
  folder.write("tokenizer_config.json", nlohmann::json{{"chat_template", kJinja}}.dump());
  folder.write("model.safetensors", safetensors_bytes(as_huggingface(model, "model.")));
}

std::string llama2c_bytes(const PlainModel& model) {
  const ModelConfig& c = model.config;
  std::string bytes = bytes_of(std::vector<std::int32_t>{c.d_model, c.ffn_width, c.num_layers, c.num_heads,
                                                         c.num_kv_heads, c.vocab_size, c.sequence_length});
  const MemorySource source = as_llama2c(model);
  const auto put = [&](const std::string& name) {
    const TensorInfo* tensor = source.find(name);
    ASSERT_NE(tensor, nullptr) << name;
    bytes += bytes_of(values_of(source, *tensor));
  };
  put("token_embedding_table");
  for (const char* name : {"rms_att_weight", "wq", "wk", "wv", "wo", "rms_ffn_weight", "w1", "w2", "w3"}) {
    for (std::int32_t layer = 0; layer < c.num_layers; ++layer) put(std::string(name) + "." + std::to_string(layer));
  }
  put("rms_final_weight");
  bytes.append(static_cast<std::size_t>(c.sequence_length * c.head_dim) * sizeof(float), '\0');  // freq_cis, unread
  return bytes;
}

std::string llama2c_tokenizer() {
  std::string bytes = bytes_of<std::int32_t>(5);
  for (const std::string& piece : sentence_pieces()) {
    bytes += bytes_of(0.0f) + bytes_of(static_cast<std::int32_t>(piece.size())) + piece;
  }
  return bytes;
}

/// The most likely tokens, one after the other, by the weights themselves.
std::vector<TokenId> expected_tokens(const PlainModel& model, std::vector<TokenId> tokens, std::size_t count) {
  const std::size_t prompt = tokens.size();
  while (tokens.size() < prompt + count) {
    const std::vector<double> logits = plain_logits(model, tokens).back();
    tokens.push_back(static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
  }
  return {tokens.begin() + static_cast<std::ptrdiff_t>(prompt), tokens.end()};
}

class OpenModel : public testing::Test {
 protected:
  static Result<Generator> open(const std::string& path) {
    return Generator::open(path, {.device = "cpu", .threads = 1});
  }

  /// The greedy tokens after a prompt, the end never taken.
  static std::vector<TokenId> generated(Generator& generator, decltype(Request::prompt) prompt) {
    Request request;
    request.prompt = std::move(prompt);
    request.sampling.temperature = 0;
    request.length.max_tokens = 12;
    request.length.min_tokens = 12;
    return generator.generate(request).value().samples.at(0).tokens;
  }

  TemporaryFolder folder_;
  PlainModel plain_ = random_model(tiny_llama());
  const std::vector<TokenId> prompt_{10, 7, 33, 20};
};

TEST_F(OpenModel, Gguf) {
  Generator generator = open(folder_.write("tiny.gguf", gguf_bytes(plain_))).value();
  EXPECT_EQ(generator.info().format, "GGUF");
  EXPECT_EQ(generator.info().architecture, "llama");
  EXPECT_EQ(generator.info().head_count, 4);
  EXPECT_EQ(generator.info().kv_head_count, 2);
  EXPECT_EQ(generator.info().chat_template, "unknown");
  EXPECT_EQ(generated(generator, prompt_), expected_tokens(plain_, prompt_, 12));
  // "bad": bos in front of a text, as this tokenizer asks for.
  EXPECT_EQ(generated(generator, "bad"), expected_tokens(plain_, {1, 4, 3, 6}, 12));
  EXPECT_EQ(generated(generator, ""), expected_tokens(plain_, {1}, 12));
  const Result<std::vector<TokenId>> chat = generator.encode_chat({{ChatRole::kUser, "hi"}});
  ASSERT_FALSE(chat);
  EXPECT_THAT(chat.error().message, HasSubstr("a template of nobody"));
  // The folder holds nothing else.
  EXPECT_EQ(open(folder_.path("")).value().info().path, folder_.path("tiny.gguf"));
  folder_.write("other.gguf", "");
  EXPECT_THAT(open(folder_.path("")).error().message, HasSubstr("2 GGUF files in this folder"));
}

TEST_F(OpenModel, Safetensors) {
  write_huggingface(folder_, plain_);
  Generator generator = open(folder_.path("")).value();
  EXPECT_EQ(generator.info().format, "safetensors");
  EXPECT_EQ(generator.info().chat_template, "chatml");
  EXPECT_EQ(generated(generator, prompt_), expected_tokens(plain_, prompt_, 12));
  EXPECT_EQ(generated(generator, "bad"), expected_tokens(plain_, {4, 3, 6}, 12)) << "no bos";
  EXPECT_EQ(open(folder_.path("model.safetensors")).value().info().path, folder_.path("model.safetensors"));
  std::filesystem::remove(folder_.path("vocab.json"));
  EXPECT_THAT(open(folder_.path("")).error().message,
              HasSubstr("no tokenizer beside it; searched: tokenizer.json, vocab.json"));
  std::filesystem::remove(folder_.path("config.json"));
  EXPECT_THAT(open(folder_.path("")).error().message, HasSubstr("no config beside it; searched: config.json"));
}

TEST_F(OpenModel, Llama2c) {
  const std::string path = folder_.write("tiny.bin", llama2c_bytes(plain_));
  EXPECT_THAT(open(path).error().message, HasSubstr("no tokenizer beside it; searched: tokenizer.bin, tok64.bin"));
  folder_.write("tok64.bin", llama2c_tokenizer());
  Generator generator = open(path).value();
  EXPECT_EQ(generator.info().format, "llama2.c");
  EXPECT_EQ(generated(generator, prompt_), expected_tokens(plain_, prompt_, 12));
  EXPECT_THAT(generator.encode_chat({{ChatRole::kUser, "hi"}}).error().message, HasSubstr("has no chat template"));
}

TEST_F(OpenModel, FoldersWithoutAModelSayWhatWasSearched) {
  EXPECT_THAT(open(folder_.path("")).error().message,
              HasSubstr("searched: model.pt, final_model.pt, best.pt, model.safetensors, model.safetensors.index.json, "
                        "*.gguf"));
  EXPECT_EQ(open(folder_.path("absent.gguf")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(open(folder_.write("cut.gguf", "GGUF\x03")).error().code, ErrorCode::kBadFormat);
}

}  // namespace
}  // namespace fllm::test
