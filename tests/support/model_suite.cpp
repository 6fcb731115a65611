// SPDX-License-Identifier: Apache-2.0
#include "tests/support/model_suite.h"

#include <cmath>
#include <limits>
#include <string>

#include "tests/support/device_rows.h"
#include "tests/support/expect_error.h"
#include "tests/support/model_oracle.h"

namespace fllm::test {
namespace {

constexpr std::int32_t kWidths[] = {1, 2, 31, 32, 33, 64, 100, 128, 300, 768};

void refuse_width(Backend& backend, const DeviceRows& qkv, std::int32_t width) {
  KvAppendParams p;
  p.qkv = qkv.input();
  p.layer.width = width;
  backend.kv_append(p);
}

}  // namespace

void run_embed(Backend& backend) {
  const std::vector<std::int32_t> tokens{4, 0, 6, 6, 1}, positions{0, 1, 9, 2, 2};
  const DeviceTable<std::int32_t> device_tokens(backend, tokens), device_positions(backend, positions);
  for (const std::int32_t width : kWidths) {
    const DeviceRows table(backend, 7, width, 1), places(backend, 10, width, 2);
    const DeviceRows out(backend, 5, width);
    backend.embed({table.input(), places.input(), device_tokens.data(), device_positions.data(), out.view()});
    std::vector<std::vector<float>> expected;
    for (std::size_t r = 0; r < tokens.size(); ++r) {
      expected.push_back(to_vector(table.row(tokens[r])));
      for (std::size_t c = 0; c < expected[r].size(); ++c) expected[r][c] += places.row(positions[r])[c];
    }
    out.expect(expected, "embed, width " + std::to_string(width));
    backend.embed({table.input(), {}, device_tokens.data(), nullptr, out.view()});
    for (std::size_t r = 0; r < tokens.size(); ++r) expected[r] = to_vector(table.row(tokens[r]));
    out.expect(expected, "embed without positions, width " + std::to_string(width));
  }
}

void run_rms_norm(Backend& backend) {
  constexpr float kEpsilon = 1e-6f;
  constexpr std::int32_t kRows = 6;
  for (const std::int32_t width : kWidths) {
    DeviceRows x(backend, kRows, width, 3), in_place(backend, kRows, width, 3);
    for (DeviceRows* rows : {&x, &in_place}) {
      for (std::int32_t c = 0; c < width; ++c) {
        rows->at(1, c) = 0;                        // epsilon alone
        rows->at(2, c) = rows->at(2, c) * 1e-25f;  // squares vanish
      }
      rows->at(3, width - 1) = std::numeric_limits<float>::quiet_NaN();
      rows->at(4, 0) = -std::numeric_limits<float>::infinity();
      rows->upload();
    }
    const std::vector<float> weight = random_floats(static_cast<std::size_t>(width), 4);
    const DeviceTable<float> device_weight(backend, weight);
    std::vector<std::vector<float>> expected;
    expected.reserve(kRows);
    for (std::int32_t r = 0; r < kRows; ++r) expected.push_back(plain_rms_norm(x.row(r), weight, kEpsilon));
    const DeviceRows out(backend, kRows, width);
    backend.rms_norm({x.input(), device_weight.data(), kEpsilon, out.view()});
    out.expect(expected, "rms_norm, width " + std::to_string(width));
    backend.rms_norm({in_place.input(), device_weight.data(), kEpsilon, in_place.view()});
    in_place.expect(expected, "rms_norm in place, width " + std::to_string(width));
  }
}

void run_gather_rows(Backend& backend) {
  const std::vector<std::int32_t> picked{2, 2, 0, 4};
  const DeviceTable<std::int32_t> rows(backend, picked);
  for (const std::int32_t width : kWidths) {
    const DeviceRows x(backend, 5, width, 5);
    const DeviceRows out(backend, 4, width);
    backend.gather_rows({x.input(), rows.data(), out.view()});
    std::vector<std::vector<float>> expected;
    expected.reserve(picked.size());
    for (const std::int32_t row : picked) expected.push_back(to_vector(x.row(row)));
    out.expect(expected, "gather_rows, width " + std::to_string(width));
  }
}

void run_linear(Backend& backend, float tolerance) {
  struct Size {
    std::int32_t rows, out, in;
  };
  const Size sizes[] = {{1, 1, 1},   {1, 64, 128},  {2, 69, 31},  {3, 65, 33},  {4, 31, 128}, {5, 128, 7},
                        {6, 64, 64}, {7, 200, 300}, {23, 33, 16}, {24, 64, 40}, {25, 70, 40}, {50, 130, 128}};
  for (const Size& size : sizes) {
    const std::string name =
        std::to_string(size.rows) + " x " + std::to_string(size.out) + " x " + std::to_string(size.in);
    const DeviceRows x(backend, size.rows, size.in, 6);
    const auto out_count = static_cast<std::size_t>(size.out), in_count = static_cast<std::size_t>(size.in);
    const std::vector<float> weight = random_floats(out_count * in_count, 7), bias = random_floats(out_count, 8);
    const DeviceTable<float> device_bias(backend, bias);
    const auto linear = backend.make_linear(weight, size.out, size.in);
    for (const Epilogue epilogue :
         {Epilogue::kBias, Epilogue::kBiasGelu, Epilogue::kBiasResidual, Epilogue::kBiasGeluTanh}) {
      for (const bool with_bias : {true, false}) {
        const DeviceRows out(backend, size.rows, size.out, 9);
        backend.linear({x.input(), linear.get(), with_bias ? device_bias.data() : nullptr, epilogue, out.view()});
        std::vector<std::vector<float>> expected;
        for (std::int32_t r = 0; r < size.rows; ++r) {
          expected.push_back(to_vector(out.row(r)));
          for (std::size_t c = 0; c < out_count; ++c) {
            const auto row = std::span(weight).subspan(c * in_count, in_count);
            expected.back()[c] =
                plain_linear({x.row(r), row, with_bias ? bias[c] : 0.0f, epilogue, expected.back()[c]});
          }
        }
        out.expect(expected, "linear " + name + ", epilogue " + std::to_string(static_cast<int>(epilogue)), tolerance);
      }
    }
  }
}

void run_refused_arguments(Backend& backend) {
  const DeviceRows rows4(backend, 4, 8, 1), rows3(backend, 3, 8, 1), wide(backend, 4, 9, 1);
  const DeviceTable<float> weight(backend, std::vector<float>(64, 1.0f));
  const DeviceTable<std::int32_t> ids(backend, {0, 1, 2, 3});
  const auto refused = [](const std::vector<std::string>& parts, const std::function<void()>& call) {
    expect_error(ErrorCode::kInvalidArgument, parts, call);
  };
  refused({"rms_norm", "x rows is 3", "out rows is 4"}, [&] {
    backend.rms_norm({rows3.input(), weight.data(), 1e-6f, rows4.view()});
  });
  refused({"rms_norm", "weight missing"}, [&] { backend.rms_norm({rows4.input(), nullptr, 1e-6f, rows4.view()}); });
  refused({"layer_norm", "bias missing"}, [&] {
    backend.layer_norm({rows4.input(), weight.data(), nullptr, 1e-5f, rows4.view()});
  });
  refused({"swiglu", "gate_up columns is 9", "2 * out columns is 16"}, [&] {
    backend.swiglu({wide.input(), rows4.view()});
  });
  refused({"rope", "angle columns is 9", "multiples of 2"}, [&] {
    backend.rope({rows4.view(), ids.data(), wide.input(), 1, 8});
  });
  refused({"rope", "head_dim is 4", ">= 8"}, [&] { backend.rope({rows4.view(), ids.data(), rows4.input(), 2, 4}); });
  refused({"rope", "heads * head_dim is 16", "<= 8"}, [&] {
    backend.rope({rows4.view(), ids.data(), rows4.input(), 2, 8});
  });
  refused({"kv_append", "cache width is 0"}, [&] { backend.kv_append({rows4.input(), ids.data(), {}, {}}); });
  refused({"kv_append", "query columns is 2", ">= 3"}, [&] { refuse_width(backend, rows4, 3); });
  refused({"kv_append", "query columns is 5", "multiples of 2"}, [&] { refuse_width(backend, wide, 2); });
  refused({"embed", "table columns is 9", "out columns is 8"}, [&] {
    backend.embed({wide.input(), rows4.input(), ids.data(), ids.data(), rows4.view()});
  });
  refused({"gather_rows", "x columns is 9"}, [&] { backend.gather_rows({wide.input(), ids.data(), rows4.view()}); });
  refused({"copy_blocks", "count is -1", ">= 0"}, [&] { backend.copy_blocks({{}, ids.data(), ids.data(), -1}); });
  refused({"copy_blocks", "tokens is 17", "<= 16"}, [&] { backend.copy_blocks({{}, ids.data(), ids.data(), 1, 17}); });
  refused({"attention", "heads * head_dim is 6", "out columns is 8"}, [&] {
    AttentionParams p;
    p.qkv = rows4.input();
    p.heads = 2;
    p.head_dim = 3;
    p.out = rows4.view();
    backend.attention(p);
  });
  AttentionParams apart;
  apart.qkv = rows4.input();
  apart.positions = ids.data();
  apart.blocks = {ids.data(), 1, ids.data()};
  apart.layer.width = apart.heads = apart.head_dim = 2;
  apart.out = {rows4.view().data, 4, 4, rows4.view().stride};
  apart.spread.parts = 3;
  refused({"attention", "spread parts is 3", "chunks is 8"}, [&] { backend.attention(apart); });
  apart.spread.parts = kAttentionChunks;
  apart.chunks = {rows4.view().data, 3, 64, 64};
  refused({"attention", "chunk rows is 3", ">= 4"}, [&] { backend.attention(apart); });
  apart.chunks = {rows4.view().data, 4, 63, 64};
  refused({"attention", "chunk columns is 63", ">= 64"}, [&] { backend.attention(apart); });
}

}  // namespace fllm::test
