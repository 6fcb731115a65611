// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cuda/backend/make_fiber_backend.h"
#include "cuda/backend/quantized_matrix.h"
#include "cuda/backend/serial_backend.h"
#include "cuda/backend/serial_isa.h"
#include "cuda/launch/fiber_executor.h"
#include "tests/support/device_rows.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_oracle.h"
#include "tests/support/quantized_product_oracle.h"

namespace fllm::test {
namespace {

constexpr QuantizedType kTypes[] = {QuantizedType::kQ4_0, QuantizedType::kQ4_1, QuantizedType::kQ5_0,
                                    QuantizedType::kQ5_1, QuantizedType::kQ8_0, QuantizedType::kQ4_K,
                                    QuantizedType::kQ6_K};
constexpr const char* kNames[] = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q6_K"};
constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

std::string name_of(QuantizedType type) { return kNames[static_cast<int>(type)]; }

/// A matrix in the blocks of a file.
struct Blocks {
  QuantizedType type = QuantizedType::kQ4_0;
  std::int32_t out = 0, in = 0;
  std::vector<std::byte> bytes;

  [[nodiscard]] QuantizedMatrix matrix() const { return {type, bytes, out, in}; }
  [[nodiscard]] std::size_t row_bytes() const { return bytes.size() / static_cast<std::size_t>(out); }
  [[nodiscard]] std::vector<PlainWeight> row(std::int32_t index) const {
    return plain_weights(type, std::span(bytes).subspan(static_cast<std::size_t>(index) * row_bytes(), row_bytes()));
  }
  /// Of block `index`, counted through all rows: d and, where there is one, m or dmin.
  void set_halves(std::size_t index, std::uint16_t d, std::uint16_t m) {
    std::byte* block = bytes.data() + index * static_cast<std::size_t>(quantized_block(type).bytes);
    std::memcpy(block + (type == QuantizedType::kQ6_K ? 208 : 0), &d, sizeof d);
    const bool minimum = type == QuantizedType::kQ4_1 || type == QuantizedType::kQ5_1 || type == QuantizedType::kQ4_K;
    if (minimum) std::memcpy(block + 2, &m, sizeof m);
  }
  [[nodiscard]] std::size_t count() const {
    return bytes.size() / static_cast<std::size_t>(quantized_block(type).bytes);
  }
};

/// Random bytes, with scales and minima between 2^-7 and 1/8 of either sign.
Blocks random_blocks(QuantizedType type, std::int32_t out, std::int32_t in) {
  const QuantizedBlock block = quantized_block(type);
  Blocks blocks{type, out, in, {}};
  blocks.bytes.resize(static_cast<std::size_t>(out) * static_cast<std::size_t>(in / block.elements * block.bytes));
  std::mt19937 random(static_cast<std::uint32_t>(out * 7919 + in + static_cast<int>(type)));
  for (std::byte& byte : blocks.bytes) byte = static_cast<std::byte>(random() & 255u);
  const auto half = [&] {
    return static_cast<std::uint16_t>((random() & 0x8fffu) % 0x1000u + 0x2000u + (random() & 1u) * 0x8000u);
  };
  for (std::size_t b = 0; b < blocks.count(); ++b) blocks.set_halves(b, half(), half());
  return blocks;
}

constexpr std::int32_t kMostRows = 33;  // one more than a group

/// Rows of every kind: the last ones are plain.
DeviceRows adversarial_rows(Backend& backend, std::int32_t in) {
  DeviceRows rows(backend, kMostRows, in, 11);
  for (std::int32_t c = 0; c < in; ++c) {
    rows.at(1, c) = c % 2 == 0 ? 0.0f : -0.0f;
    rows.at(2, c) = static_cast<float>(c % 5 - 2) + 0.5f;  // with 16256 among them: ties
    rows.at(3, c) = rows.at(3, c) * 0x1p-101f;             // around 2^-100
    rows.at(4, c) = c % 3 == 0 ? 3e8f : -3e8f;             // every integer at its limit
    rows.at(5, c) = c % 64 < 32 ? rows.at(5, c) * 1e-38f : rows.at(5, c);
  }
  for (std::int32_t c = 7; c < in; c += 32) rows.at(2, c) = 16256;
  rows.at(6, in - 1) = kNan;
  rows.at(7, 0) = kInfinity;
  rows.at(8, in / 2) = -kInfinity;
  rows.upload();
  return rows;
}

/// A matrix and what its product with the first rows of adversarial_rows is, without bias.
struct Case {
  Blocks blocks;
  std::vector<std::vector<float>> expected;  // [rows][out]
};

std::vector<std::vector<float>> expected_products(const Blocks& blocks, const DeviceRows& x, std::int32_t rows) {
  std::vector<std::vector<float>> expected(static_cast<std::size_t>(rows));
  std::vector<std::vector<PlainRowBlock>> quantized;
  quantized.reserve(expected.size());
  for (std::int32_t r = 0; r < rows; ++r) quantized.push_back(plain_row_blocks(x.row(r)));
  for (std::int32_t o = 0; o < blocks.out; ++o) {
    const std::vector<PlainWeight> weights = blocks.row(o);
    for (std::size_t r = 0; r < expected.size(); ++r) {
      expected[r].push_back(plain_quantized_dot(blocks.type, weights, quantized[r]));
    }
  }
  return expected;
}

SerialBackend slowest(std::int32_t threads = 1) { return {serial_isas().begin()->kernels(), threads}; }

/// The oracle's results are made once, for all instruction sets.
const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = [] {
    SerialBackend host = slowest();
    std::vector<Case> made;
    for (const QuantizedType type : kTypes) {
      const bool large = quantized_block(type).elements == 256;
      for (const auto& [out, in] :
           {std::pair{1, 256}, {7, large ? 256 : 32}, {16, 1536}, {49, large ? 768 : 608}, {33, 4096}}) {
        Blocks blocks = random_blocks(type, out, in);
        const DeviceRows x = adversarial_rows(host, in);
        made.push_back({blocks, expected_products(blocks, x, kMostRows)});
      }
    }
    return made;
  }();
  return kCases;
}

/// Every set of instructions with kernels of its own for quantised products; those this machine lacks are skipped.
class QuantizedProductOn : public ::testing::TestWithParam<SerialIsa> {
 protected:
  void SetUp() override {
    if (!GetParam().usable()) GTEST_SKIP() << "this machine cannot run " << GetParam().name;
  }
  [[nodiscard]] static SerialBackend backend(std::int32_t threads = 1) { return {GetParam().kernels(), threads}; }

  /// The product without bias.
  static void expect(Backend& cpu, const LinearWeight& weight, const DeviceRows& x,
                     const std::vector<std::vector<float>>& expected, const std::string& what) {
    const auto rows = static_cast<std::int32_t>(expected.size());
    const DeviceRows out(cpu, rows, weight.out_features());
    RowView<const float> input = x.input();
    input.rows = rows;
    cpu.linear({input, &weight, nullptr, Epilogue::kBias, out.view()});
    out.expect(expected, what);
  }
};

INSTANTIATE_TEST_SUITE_P(Cpu, QuantizedProductOn,
                         ::testing::ValuesIn(serial_isas_and_variants().begin(), serial_isas_and_variants().end()),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST_P(QuantizedProductOn, IsTheOracleForAnyRowsAndThreads) {
  for (const std::int32_t threads : {1, 2, 3}) {
    SerialBackend cpu = backend(threads);
    for (const Case& c : cases()) {
      const auto weight = cpu.make_linear(c.blocks.matrix());
      const DeviceRows x = adversarial_rows(cpu, c.blocks.in);
      for (const std::int32_t rows : {1, 2, 3, 5, 8, 33}) {
        expect(cpu, *weight, x, {c.expected.begin(), c.expected.begin() + rows},
               name_of(c.blocks.type) + " " + std::to_string(rows) + " x " + std::to_string(c.blocks.in) + " by " +
                   std::to_string(c.blocks.out) + ", " + std::to_string(threads) + " threads");
      }
    }
  }
}

TEST_P(QuantizedProductOn, ARowIsTheSameAnywhere) {
  SerialBackend cpu = backend();
  const Blocks blocks = random_blocks(QuantizedType::kQ4_1, 40, 576);
  const auto weight = cpu.make_linear(blocks.matrix());
  DeviceRows x(cpu, 67, 576, 3);
  for (std::int32_t r = 1; r < 67; ++r) {
    for (std::int32_t c = 0; c < 576; ++c) x.at(r, c) = x.at(0, c);
  }
  x.upload();
  const std::vector<float> row = expected_products(blocks, x, 1)[0];
  expect(cpu, *weight, x, std::vector<std::vector<float>>(67, row), "67 equal rows");
}

TEST_P(QuantizedProductOn, ExtremeBlocks) {
  SerialBackend cpu = backend();
  const std::uint16_t halves[] = {0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00};
  constexpr auto kOut = static_cast<std::int32_t>(std::size(halves)) + 3;
  for (const QuantizedType type : kTypes) {
    for (const int fill : {0x00, 0x7f, 0x80, 0xff}) {
      Blocks blocks = random_blocks(type, kOut, 512);
      for (std::byte& byte : blocks.bytes) byte = static_cast<std::byte>(fill);
      const std::size_t per_row = blocks.count() / kOut;
      for (std::size_t b = 0; b < blocks.count(); ++b) {
        const std::size_t kind = b / per_row;  // the last rows mix
        blocks.set_halves(b, halves[(kind < std::size(halves) ? kind : b) % std::size(halves)],
                          halves[(kind < std::size(halves) ? kind : 3 * b) % std::size(halves)]);
      }
      const auto weight = cpu.make_linear(blocks.matrix());
      const DeviceRows x = adversarial_rows(cpu, 512);
      expect(cpu, *weight, x, expected_products(blocks, x, 9), name_of(type) + " of bytes " + std::to_string(fill));
    }
  }
}

TEST_P(QuantizedProductOn, UnusableNumbersShow) {
  SerialBackend cpu = backend();
  for (const QuantizedType type : kTypes) {
    Blocks blocks = random_blocks(type, 3, 256);
    blocks.set_halves(blocks.count() - 1, 0x7e00, 0x3c00);  // NaN in the last output
    const auto weight = cpu.make_linear(blocks.matrix());
    const DeviceRows x = adversarial_rows(cpu, 256);
    const DeviceArray<float> out(cpu, 9 * 3);
    RowView<const float> input = x.input();
    input.rows = 9;
    cpu.linear({input, weight.get(), nullptr, Epilogue::kBias, {out.data(), 9, 3, 3}});
    for (std::int32_t r = 0; r < 9; ++r) {
      for (std::int32_t o = 0; o < 3; ++o) {
        const bool unusable = r >= 6 || o == 2;  // rows with NaN or infinities
        EXPECT_EQ(std::isnan(out.data()[r * 3 + o]), unusable) << name_of(type) << " row " << r << " output " << o;
      }
    }
    EXPECT_EQ(out.data()[3], 0.0f) << "a row of zeros";
  }
}

TEST_P(QuantizedProductOn, Epilogues) {
  SerialBackend cpu = backend();
  constexpr std::int32_t kRows = 11, kOut = 21, kIn = 96;
  const Blocks blocks = random_blocks(QuantizedType::kQ5_1, kOut, kIn);
  const auto weight = cpu.make_linear(blocks.matrix());
  const std::vector<float> bias = random_floats(kOut, 5);
  const DeviceTable<float> device_bias(cpu, bias);
  const DeviceRows x(cpu, kRows, kIn, 6);
  const auto products = expected_products(blocks, x, kRows);
  for (const Epilogue epilogue : {Epilogue::kBias, Epilogue::kBiasGelu, Epilogue::kBiasResidual}) {
    const DeviceRows out(cpu, kRows, kOut, 9);
    auto expected = products;
    for (std::int32_t r = 0; r < kRows; ++r) {
      for (std::size_t o = 0; o < kOut; ++o) {
        // The oracle's epilogue on a product of one element.
        float& value = expected[static_cast<std::size_t>(r)][o];
        const float one = 1, before = out.row(r)[o];
        value = plain_linear({std::span(&value, 1), std::span(&one, 1), bias[o], epilogue, before});
      }
    }
    cpu.linear({x.input(), weight.get(), device_bias.data(), epilogue, out.view()});
    out.expect(expected, "epilogue " + std::to_string(static_cast<int>(epilogue)));
  }
}

// The oracle is within the stated error of the true product, and the kernels are the oracle.
TEST(QuantizedProduct, IsNearTheExactProduct) {
  for (const QuantizedType type : kTypes) {
    const Blocks blocks = random_blocks(type, 9, 1024);
    double most = 0;
    for (std::uint32_t seed = 0; seed < 8; ++seed) {
      std::vector<float> x = random_floats(1024, seed);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] *= std::ldexp(1.0f, static_cast<int>(i / 32 % 7) - 3);
      const std::vector<PlainRowBlock> rows = plain_row_blocks(x);
      for (std::int32_t o = 0; o < 9; ++o) {
        const PlainBound bound = plain_quantized_bound(blocks.row(o), x, rows);
        const double error = std::fabs(plain_quantized_dot(type, blocks.row(o), rows) - bound.exact);
        EXPECT_LE(error, bound.error) << name_of(type) << " output " << o;
        most = std::max(most, error / bound.error);
      }
    }
    EXPECT_GT(most, 1e-4) << name_of(type) << ": a bound that says nothing";
  }
}

TEST(QuantizedMatrix, ExpandsToTheFormatsValues) {
  for (const QuantizedType type : kTypes) {
    const Blocks blocks = random_blocks(type, 3, 512);
    const std::vector<float> expanded = expand_quantized(blocks.matrix());
    ASSERT_EQ(expanded.size(), 3u * 512u);
    for (std::size_t i = 0; i < expanded.size(); ++i) {
      const PlainWeight weight = blocks.row(static_cast<std::int32_t>(i / 512))[i % 512];
      ASSERT_EQ(expanded[i], static_cast<float>(plain_value(weight))) << name_of(type) << " element " << i;
    }
  }
}

TEST(QuantizedMatrix, OtherBackendsMultiplyTheExpandedWeights) {
  const auto fiber = make_fiber_backend({.threads = 32});
  for (const QuantizedType type : {QuantizedType::kQ4_1, QuantizedType::kQ6_K}) {
    const Blocks blocks = random_blocks(type, 5, 256);
    const auto weight = fiber->make_linear(blocks.matrix());
    const DeviceRows x(*fiber, 2, 256, 4), out(*fiber, 2, 5);
    const std::vector<float> expanded = expand_quantized(blocks.matrix());
    std::vector<std::vector<float>> expected(2);
    for (std::int32_t r = 0; r < 2; ++r) {
      for (std::size_t o = 0; o < 5; ++o) {
        expected[static_cast<std::size_t>(r)].push_back(
            plain_linear({x.row(r), std::span(expanded).subspan(o * 256, 256), 0, Epilogue::kBias, 0}));
      }
    }
    fiber->linear({x.input(), weight.get(), nullptr, Epilogue::kBias, out.view()});
    out.expect(expected, name_of(type) + " on fibers");
  }
}

TEST(QuantizedMatrix, RefusesWhatDoesNotFit) {
  SerialBackend cpu = slowest();
  const std::vector<std::byte> bytes(18 * 4);
  const auto refused = [&](const QuantizedMatrix& matrix, const std::vector<std::string>& parts) {
    expect_error(ErrorCode::kInvalidArgument, parts, [&] { (void)cpu.make_linear(matrix); });
    expect_error(ErrorCode::kInvalidArgument, parts, [&] { (void)expand_quantized(matrix); });
  };
  EXPECT_EQ(cpu.make_linear(QuantizedMatrix{QuantizedType::kQ4_0, bytes, 2, 64})->out_features(), 2);
  refused({QuantizedType::kQ4_0, bytes, 3, 64}, {"72 bytes", "[3, 64]", "18 bytes for each 32"});
  refused({QuantizedType::kQ4_0, bytes, 2, 65}, {"[2, 65]", "multiple of 32"});
  refused({QuantizedType::kQ4_K, bytes, 1, 128}, {"multiple of 256"});
  refused({QuantizedType::kQ4_0, bytes, 0, 64}, {"out >= 1"});
  refused({QuantizedType::kQ4_0, {}, 2, 0}, {"[2, 0]"});
  refused({QuantizedType::kQ4_0, bytes, -2, -64}, {"[-2, -64]"});
  refused({QuantizedType::kQ8_0, bytes, 2147483647, 2147483616}, {"[2147483647, 2147483616]"});
  refused({static_cast<QuantizedType>(7), bytes, 2, 64}, {"type 7", "0 to 6"});
}

}  // namespace
}  // namespace fllm::test
