// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "host/model/config_file.h"
#include "host/model/unpickler.h"
#include "tests/support/expect_error.h"
#include "tests/support/pickle_writer.h"

namespace fllm {
namespace {

namespace pickle = test::pickle;

void expect_bad_config(const std::string& yaml, std::vector<std::string> parts,
                       ErrorCode code = ErrorCode::kBadFormat) {
  parts.emplace_back("m.yaml");
  test::expect_error(code, parts, [&] { (void)config_from_yaml(yaml, "m.yaml"); });
}

TEST(ModelConfig, DefaultsAreUpstreams) {
  const ModelConfig config = config_from_yaml("vocab_size: 85", "m.yaml");
  EXPECT_EQ(config.vocab_size, 85);
  EXPECT_EQ(config.d_model, 128);
  EXPECT_EQ(config.num_heads, 2);
  EXPECT_EQ(config.num_layers, 6);
  EXPECT_EQ(config.sequence_length, 256);
  EXPECT_EQ(config.position_encoding, PositionEncoding::kLearned);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.ffn_width, 512);
}

TEST(ModelConfig, EveryKeyAndAlias) {
  const ModelConfig config = config_from_yaml(
      "{vocab_size: 9, hidden_dim: 48, num_heads: 3, num_layers: 48, max_seq_len: 7, dropout: 1, ffn_expansion: 2, "
      "pos_encoding: sinusoidal}",
      "m.yaml");
  EXPECT_EQ(config.d_model, 48);
  EXPECT_EQ(config.num_heads, 3);
  EXPECT_EQ(config.num_layers, 48);
  EXPECT_EQ(config.sequence_length, 7);
  EXPECT_EQ(config.ffn_width, 96);
  EXPECT_EQ(config.position_encoding, PositionEncoding::kSinusoidal);
  EXPECT_EQ(config_from_yaml("{vocab_size: 9, model_dim: 64}", "m.yaml").d_model, 64);
  EXPECT_EQ(config_from_yaml("{vocab_size: 9, model_dim: 64, d_model: 64}", "m.yaml").d_model, 64);
  EXPECT_EQ(config_from_yaml("{vocab_size: 9.0}", "m.yaml").vocab_size, 9);
}

TEST(ModelConfig, ViolationsAreListedTogether) {
  expect_bad_config("d_model: 10", {"vocab_size: is missing"});
  expect_bad_config("{vocab_size: 0, num_layers: 49, dropout: 1.5, colour: red}",
                    {"vocab_size: 0: must be an integer in [1, 1048576]", "num_layers: 49", "[1, 48]", "dropout: 1.5",
                     "colour: \"red\": there is no such key"});
  expect_bad_config("{vocab_size: 5, d_model: 10, num_heads: 3}", {"num_heads: 3: must divide d_model, 10"});
  expect_bad_config("{vocab_size: 5, d_model: 10, hidden_dim: 11}", {"d_model", "10", "11", "twice"});
  expect_bad_config("{vocab_size: many}", {"vocab_size: \"many\""});
  expect_bad_config("{vocab_size: 2.5}", {"vocab_size: 2.5"});
  expect_bad_config("{vocab_size: [1]}", {"vocab_size"});
  expect_bad_config("{vocab_size: .nan}", {"vocab_size"});
  expect_bad_config("{vocab_size: 99999999999999999999}", {"vocab_size"});
  expect_bad_config("{vocab_size: 5, d_model: -128}", {"d_model: -128"});
  expect_bad_config("{vocab_size: 5, num_heads: 0}", {"num_heads: 0"});
  expect_bad_config("{vocab_size: 5, dropout: nan}", {"dropout"});
  expect_bad_config("{vocab_size: 5, sequence_length: 2000000}", {"sequence_length: 2000000"});
  expect_bad_config("{vocab_size: 5, ffn_expansion: 65}", {"ffn_expansion: 65"});
  expect_bad_config("{vocab_size: 5, pos_encoding: alibi}", {"pos_encoding: \"alibi\"", "learned or sinusoidal"});
}

TEST(ModelConfig, RopeIsNamedAsUnsupported) {
  expect_bad_config("{vocab_size: 5, pos_encoding: rope}", {"rope", "not supported"}, ErrorCode::kUnsupported);
  expect_bad_config("{vocab_size: 0, pos_encoding: rope}", {"rope", "vocab_size"});
}

TEST(ModelConfig, OddYaml) {
  expect_bad_config("", {"map"});
  expect_bad_config("[1, 2]", {"map"});
  expect_bad_config("{vocab_size: 5", {"YAML"});
  expect_bad_config("a: &x [*x, *x]", {"no such key"});
  expect_bad_config("? [1]\n: 2", {"plain text"});
  expect_bad_config(std::string(20000, '['), {"YAML"});
  expect_bad_config("*nothing", {"YAML"});
}

TEST(ModelConfig, FromThePayload) {
  const auto config_of = [](const std::string& dict) {
    const PickleDocument document = unpickle(pickle::file(dict), "f.pt");
    return config_from_pickle(*document.root().as<PickleDict>(), "f.pt");
  };
  const ModelConfig config =
      config_of(pickle::dict({{"vocab_size", "K\x07"}, {"dropout", pickle::real(0.1)}, {"d_model", pickle::real(16)}}));
  EXPECT_EQ(config.vocab_size, 7);
  EXPECT_EQ(config.d_model, 16);
  const auto expect_payload_refused = [&](const std::string& dict, const std::vector<std::string>& parts) {
    test::expect_error(ErrorCode::kBadFormat, parts, [&] { (void)config_of(dict); });
  };
  expect_payload_refused(pickle::dict({{"vocab_size", "N"}}), {"f.pt", "vocab_size: \"None\""});
  expect_payload_refused(pickle::dict({{"vocab_size", "\x88"}}), {"vocab_size: \"a boolean\""});
  expect_payload_refused("}K\x01K\x02s", {"a key is an integer"});
}

}  // namespace
}  // namespace fllm
