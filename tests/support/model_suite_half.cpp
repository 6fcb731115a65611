// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "cuda/portable/numeric.h"
#include "tests/support/chunk_memory.h"
#include "tests/support/device_rows.h"
#include "tests/support/model_oracle.h"
#include "tests/support/model_suite.h"

// Results and products of 16 bits.
namespace fllm::test {
namespace {

constexpr FloatType kHalfTypes[] = {FloatType::kFloat16, FloatType::kBFloat16};
constexpr std::int32_t kRows = 3;

/// Rows of 16 bits with sentinels around and between them.
class HalfArray {
 public:
  HalfArray(Backend& backend, FloatType type, std::int32_t rows, std::int32_t cols)
      : type_(type), cols_(cols), stride_(cols + 5), array_(backend, static_cast<std::size_t>(rows * (cols + 5))) {}

  [[nodiscard]] HalfRows rows() const { return {array_.data(), stride_, type_}; }
  void upload(const std::vector<std::vector<float>>& values) {  // that have 16 bits
    std::vector<std::uint16_t> bits(array_.size(), 0xffff);     // NaN between rows
    for (std::size_t r = 0; r < values.size(); ++r) {
      for (std::size_t c = 0; c < values[r].size(); ++c) bits[r * index(stride_) + c] = bits_of(values[r][c]);
    }
    array_.upload(bits);
  }
  /// Every element is the expected float rounded once; what lies between rows is as it was.
  void expect(const std::vector<std::vector<float>>& expected, const std::string& what) const {
    const std::vector<std::uint16_t> got = array_.download(what.c_str());
    for (std::size_t i = 0; i < got.size(); ++i) {
      const std::size_t row = i / index(stride_), col = i % index(stride_);
      const std::uint16_t want = col < index(cols_) ? bits_of(expected[row][col]) : std::uint16_t{0xA5A5};
      const bool not_a_number = col < index(cols_) && std::isnan(expected[row][col]);
      ASSERT_TRUE(got[i] == want || (not_a_number && std::isnan(plain_from_half(type_, got[i]))))
          << what << ": row " << row << ", column " << col << ": got " << plain_from_half(type_, got[i]) << ", want "
          << (col < index(cols_) ? expected[row][col] : 0) << " rounded";
    }
  }

 private:
  static std::size_t index(std::int32_t value) { return static_cast<std::size_t>(value); }
  [[nodiscard]] std::uint16_t bits_of(float value) const { return plain_to_half(type_, value); }

  FloatType type_;
  std::int32_t cols_, stride_;
  GuardedArray<std::uint16_t> array_;
};

std::string name_of(FloatType type) { return type == FloatType::kFloat16 ? "fp16, " : "bf16, "; }

/// out must be as it was when the result went elsewhere.
void expect_untouched(const DeviceRows& out, std::int32_t rows, std::int32_t cols, const std::string& what) {
  const float pattern = std::bit_cast<float>(std::uint32_t{0xA5A5A5A5});
  out.expect({static_cast<std::size_t>(rows), std::vector<float>(static_cast<std::size_t>(cols), pattern)}, what);
}

void check_norms(Backend& backend, FloatType type, std::int32_t width) {
  DeviceRows x(backend, kRows, width, 31);
  for (std::int32_t c = 0; c < width; ++c) x.at(1, c) *= 1e-25f;
  x.at(2, width - 1) = std::numeric_limits<float>::quiet_NaN();
  x.upload();
  std::vector<float> weight = random_floats(static_cast<std::size_t>(width), 32);
  weight[0] = 70000;  // more than fp16 holds
  const std::vector<float> bias = random_floats(weight.size(), 33);
  const DeviceTable<float> device_weight(backend, weight), device_bias(backend, bias);
  const DeviceRows out(backend, kRows, width);
  const HalfArray rms(backend, type, kRows, width), layer(backend, type, kRows, width);
  backend.rms_norm({x.input(), device_weight.data(), 1e-6f, out.view(), rms.rows()});
  backend.layer_norm({x.input(), device_weight.data(), device_bias.data(), 1e-5f, out.view(), layer.rows()});
  std::vector<std::vector<float>> of_rms, of_layer;
  for (std::int32_t r = 0; r < kRows; ++r) {
    of_rms.push_back(plain_rms_norm(x.row(r), weight, 1e-6f));
    of_layer.push_back(plain_layer_norm(x.row(r), weight, bias, 1e-5f));
  }
  rms.expect(of_rms, name_of(type) + "rms_norm");
  layer.expect(of_layer, name_of(type) + "layer_norm");
  expect_untouched(out, kRows, width, "out of the norms");
}

void check_swiglu(Backend& backend, FloatType type, std::int32_t width) {
  const DeviceRows x(backend, kRows, 2 * width, 34), out(backend, kRows, width);
  const HalfArray half(backend, type, kRows, width);
  backend.swiglu({x.input(), out.view(), half.rows()});
  std::vector<std::vector<float>> expected(kRows);
  for (std::int32_t r = 0; r < kRows; ++r) expected[static_cast<std::size_t>(r)] = plain_swiglu(x.row(r));
  half.expect(expected, name_of(type) + "swiglu");
  expect_untouched(out, kRows, width, "out of swiglu");
}

/// Rows that see one position give its values: every kind of number comes through, rounded.
void check_attention(Backend& backend, FloatType type, std::int32_t parts, bool in_memory) {
  const std::vector<float> kinds{
      0.0f,
      3e-5f,
      1.0f,
      -65504.0f,
      65519.99f,
      65520.0f,
      -1e30f,
      6e-8f,
      2.9e-8f,
      2.99e-8f,
      -6.1e-5f,
      1.00049f,
      1.0015f,
      1.004f,
      0x1.01p0f,  // ties of bfloat16, to even: down, up
      0x1.03p0f,
      0x1.002p0f,  // of binary16
      0x1.006p0f,
      0x1p-25f,  // of its subnormals
      -0x1.8p-24f,
      3.4e38f,
      1e-40f,
      std::numeric_limits<float>::infinity(),
      std::bit_cast<float>(0x7fffffffu)};  // a device's NaN: rounding must not carry into the sign
  const auto width = static_cast<std::int32_t>(kinds.size());
  const DeviceRows qkv(backend, 1, 3 * width, 35), out(backend, 1, width);
  const DeviceTable<float> keys(backend, std::vector<float>(kinds.size() * 16, 0.5f));
  std::vector<float> values(kinds.size() * 16, 7.0f);
  std::copy(kinds.begin(), kinds.end(), values.begin());
  const DeviceTable<float> device_values(backend, values);
  const DeviceTable<std::int32_t> zero(backend, {0});
  const HalfArray half(backend, type, 1, width);
  AttentionParams p;
  p.qkv = qkv.input();
  p.positions = zero.data();
  p.blocks = {zero.data(), 1, zero.data()};
  p.layer = {keys.data(), device_values.data(), width};
  p.heads = 1;
  p.head_dim = width;
  p.scale = 0.25f;
  p.out = out.view();
  p.half = half.rows();
  p.spread.parts = parts;
  const ChunkMemory chunks(backend, in_memory ? 1 : 0, 1, width);
  p.chunks = chunks.view();
  backend.attention(p);
  half.expect({kinds}, name_of(type) + "attention");
  expect_untouched(out, 1, width, "out of attention");
}

}  // namespace

void run_half_rows(Backend& backend, bool clusters) {
  for (const FloatType type : kHalfTypes) {
    for (const std::int32_t width : {1, 33, 300}) {
      check_norms(backend, type, width);
      check_swiglu(backend, type, width);
    }
    check_attention(backend, type, 1, false);
    check_attention(backend, type, kAttentionChunks, true);
    if (clusters) check_attention(backend, type, kAttentionChunks, false);
  }
}

void run_half_linear(Backend& backend, float tolerance) {
  struct Size {
    std::int32_t rows, out, in;
  };
  for (const FloatType type : kHalfTypes) {
    const auto round = [type](float value) { return plain_from_half(type, plain_to_half(type, value)); };
    for (const Size& size : {Size{1, 1, 1}, Size{2, 69, 31}, Size{5, 64, 128}, Size{3, 7, 300}}) {
      const std::string name = name_of(type) + std::to_string(size.rows) + " x " + std::to_string(size.out) + " x " +
                               std::to_string(size.in);
      const auto out_count = static_cast<std::size_t>(size.out), in_count = static_cast<std::size_t>(size.in);
      std::vector<float> weight = random_floats(out_count * in_count, 36);
      std::vector<std::uint16_t> bits;
      for (float& w : weight) {
        bits.push_back(plain_to_half(type, w));
        w = round(w);
      }
      std::vector<std::vector<float>> x;
      const DeviceRows floats(backend, size.rows, size.in, 37);  // whose values must not matter
      for (std::int32_t r = 0; r < size.rows; ++r) {
        x.push_back(to_vector(floats.row(r)));
        for (float& value : x.back()) value = round(value + 1);
      }
      HalfArray half(backend, type, size.rows, size.in);
      half.upload(x);
      const std::vector<float> bias = random_floats(out_count, 38);
      const DeviceTable<float> device_bias(backend, bias);
      const auto linear = backend.make_linear(HalfMatrix{type, bits, size.out, size.in});
      EXPECT_EQ(linear->bytes(), std::int64_t{2} * size.out * size.in);
      for (const Epilogue epilogue : {Epilogue::kBias, Epilogue::kBiasGelu, Epilogue::kBiasResidual}) {
        const DeviceRows out(backend, size.rows, size.out, 39);
        backend.linear({floats.input(), linear.get(), device_bias.data(), epilogue, out.view(), half.rows()});
        std::vector<std::vector<float>> expected;
        for (std::int32_t r = 0; r < size.rows; ++r) {
          expected.push_back(to_vector(out.row(r)));
          for (std::size_t c = 0; c < out_count; ++c) {
            const auto row = std::span(weight).subspan(c * in_count, in_count);
            float& value = expected.back()[c];
            value = plain_linear({x[static_cast<std::size_t>(r)], row, bias[c], epilogue, value});
          }
        }
        out.expect(expected, "linear, " + name + ", epilogue " + std::to_string(static_cast<int>(epilogue)), tolerance);
      }
      if (tolerance > 0) continue;  // a sum in another order may round the other way
      const DeviceRows product(backend, size.rows, size.out);
      const HalfArray activated(backend, type, size.rows, size.out);
      backend.linear({floats.input(), linear.get(), device_bias.data(), Epilogue::kBiasGelu, product.view(),
                      half.rows(), activated.rows()});
      std::vector<std::vector<float>> expected(static_cast<std::size_t>(size.rows));
      for (std::size_t r = 0; r < expected.size(); ++r) {
        for (std::size_t c = 0; c < out_count; ++c) {
          const auto row = std::span(weight).subspan(c * in_count, in_count);
          expected[r].push_back(plain_linear({x[r], row, bias[c], Epilogue::kBiasGelu, 0}));
        }
      }
      activated.expect(expected, "activations, " + name);
    }
  }
}

}  // namespace fllm::test
