// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <vector>

#include "cuda/runtime/blas.h"
#include "cuda/runtime/check.h"
#include "cuda/runtime/device_buffer.h"
#include "cuda/runtime/device_info.h"
#include "cuda/runtime/graph.h"
#include "cuda/runtime/staging.h"
#include "cuda/runtime/stream.h"
#include "fundamentallm/result.h"
#include "tests/gpu/probe_kernels.h"

namespace fllm::cuda {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Property;
using testing::Throws;

template <class T>
std::vector<T> download(const DeviceBuffer& buffer, std::size_t count, const Stream& stream) {
  std::vector<T> values(count);
  check(cudaMemcpyAsync(values.data(), buffer.data(), count * sizeof(T), cudaMemcpyDeviceToHost, stream.get()),
        "downloading");
  stream.synchronize();
  return values;
}

std::vector<std::int32_t> counted(std::int32_t first, std::size_t count) {
  std::vector<std::int32_t> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

auto throws(ErrorCode code, const char* text) {
  return Throws<Exception>(AllOf(Property(&Exception::code, code), Property(&Exception::what, HasSubstr(text))));
}

TEST(DeviceInfo, NamesTheDevicesThatExist) {
  const DeviceCount devices = count_devices();
  ASSERT_GT(devices.count, 0);
  EXPECT_EQ(devices.reason, "");
  EXPECT_NE(describe_device(0).name, "");
  EXPECT_THAT([&] { static_cast<void>(describe_device(devices.count)); },
              throws(ErrorCode::kUnsupported, ("cuda:" + std::to_string(devices.count) + ": there are").c_str()));
  EXPECT_THAT([] { static_cast<void>(describe_device(-1)); }, throws(ErrorCode::kUnsupported, "allowed is cuda:0 to"));
}

TEST(Check, ThrowsTheCodeAndClearsTheError) {
  EXPECT_NO_THROW(check(cudaSuccess, "nothing"));
  EXPECT_THAT([] { check(cudaSetDevice(-7), "choosing a device"); },
              throws(ErrorCode::kUnsupported, "choosing a device"));
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_THAT([] { check(cudaErrorInvalidValue, "testing"); }, throws(ErrorCode::kInternal, "runtime_test.cpp:"));
}

TEST(DeviceBuffer, AnImpossibleSizeNamesWhatIsNeededAndFree) {
  EXPECT_THAT([] { DeviceBuffer(std::size_t{1} << 50); },
              throws(ErrorCode::kOutOfMemory, "1125899906842624 bytes needed, "));
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(DeviceBuffer(0).data(), nullptr);
}

TEST(Staging, TheSourceIsFreeWhenUploadReturns) {
  const Stream stream;
  Staging staging;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{4}, std::size_t{4096}, Staging::kHalfBytes - 4,
                                  Staging::kHalfBytes + 4, 2 * Staging::kHalfBytes + 12}) {
    const std::size_t count = bytes / sizeof(std::int32_t);
    std::vector<std::int32_t> values = counted(static_cast<std::int32_t>(bytes), count);
    const DeviceBuffer buffer(bytes);
    staging.upload(buffer.data(), values.data(), bytes, stream.get());
    const std::vector<std::int32_t> expected = std::move(values);
    values.assign(count, -1);
    EXPECT_EQ(download<std::int32_t>(buffer, count, stream), expected) << bytes;
  }
}

TEST(Launch, SharedMemoryUpToTheDevicesLimit) {
  const Stream stream;
  const std::size_t most = test::allow_count_up_all_shared(stream.get());
  ASSERT_GT(most, std::size_t{48} << 10);
  constexpr std::size_t kCount = 70'000;
  const DeviceBuffer out(kCount * sizeof(std::int32_t));
  for (const std::size_t dynamic_bytes : {std::size_t{4}, std::size_t{1024}, most / 4 * 4}) {
    test::run_count_up(stream.get(), static_cast<std::int32_t*>(out.data()), kCount, 5, dynamic_bytes);
    EXPECT_EQ(download<std::int32_t>(out, kCount, stream), counted(5, kCount)) << dynamic_bytes;
  }
  EXPECT_THAT([&] { test::run_count_up(stream.get(), nullptr, 0, 0, most + 1024); },
              throws(ErrorCode::kInternal, "launching a kernel"));
}

TEST(Graph, ReplaysWhatWasCapturedAndNothingRunsMeanwhile) {
  const Stream stream;
  constexpr std::size_t kCount = 1000;
  const DeviceBuffer out(kCount * sizeof(std::int32_t));
  auto* data = static_cast<std::int32_t*>(out.data());
  test::run_count_up(stream.get(), data, kCount, 1, 64);
  Graph graph;
  {
    StreamCapture capture(stream.get());
    test::run_count_up(stream.get(), data, kCount, 2, 64);
    graph = capture.end();
  }
  EXPECT_EQ(download<std::int32_t>(out, kCount, stream), counted(1, kCount));
  for (int replay = 0; replay < 2; ++replay) {
    graph.launch(stream.get());
    EXPECT_EQ(download<std::int32_t>(out, kCount, stream), counted(2, kCount));
    test::run_count_up(stream.get(), data, kCount, 1, 64);
  }
  {
    const StreamCapture dropped(stream.get());
    test::run_count_up(stream.get(), data, kCount, 3, 64);
  }
  EXPECT_EQ(download<std::int32_t>(out, kCount, stream), counted(1, kCount));
}

TEST(Blas, MultipliesStridedRows) {
  const Stream stream;
  const Blas blas(stream.get());
  Staging staging;
  struct Shape {
    std::int32_t rows, in, out;
  };
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (const Shape s : {Shape{1, 1, 1}, Shape{1, 33, 7}, Shape{5, 64, 65}, Shape{17, 129, 48}}) {
    const std::int64_t x_stride = s.in + 3, out_stride = s.out + 5;
    std::vector<float> x(s.rows * x_stride), w(s.out * s.in), y(s.rows * out_stride);
    for (auto* values : {&x, &w, &y}) {
      for (float& value : *values) value = uniform(random);
    }
    const DeviceBuffer dx(x.size() * 4), dw(w.size() * 4), dy(y.size() * 4);
    staging.upload(dx.data(), x.data(), x.size() * 4, stream.get());
    staging.upload(dw.data(), w.data(), w.size() * 4, stream.get());
    for (const float beta : {0.0f, 1.0f}) {
      staging.upload(dy.data(), y.data(), y.size() * 4, stream.get());
      blas.gemm({{static_cast<const float*>(dx.data()), s.rows, s.in, x_stride},
                 static_cast<const float*>(dw.data()),
                 beta,
                 {static_cast<float*>(dy.data()), s.rows, s.out, out_stride}});
      const std::vector<float> got = download<float>(dy, y.size(), stream);
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(y.size()); ++i) {
        const std::int64_t row = i / out_stride, col = i % out_stride;
        double want = y[i];
        if (col < s.out) {
          want *= beta;
          for (std::int32_t k = 0; k < s.in; ++k) want += double{x[row * x_stride + k]} * w[col * s.in + k];
        }
        // Any order of summation: at most (in + 1) roundings of partial sums below in + 1.
        const double tolerance = col < s.out ? (s.in + 1.0) * (s.in + 1.0) * 0x1p-24 : 0;
        ASSERT_NEAR(got[i], want, tolerance)
            << "row " << row << " col " << col << " of " << s.rows << "x" << s.in << "x" << s.out;
      }
    }
  }
}

// After a fault CUDA is unusable in the process, so the test is one of its own. It leaves without the exit handlers, which
// may belong to a checker that counts the fault.
TEST(DeviceFaultDeathTest, EveryLaterCallSaysTheDeviceIsLost) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const auto lost = [](auto&& call) {
          try {
            call();
          } catch (const Exception& error) {
            std::fprintf(stderr, "%s\n", error.what());
            return error.code() == ErrorCode::kDeviceLost;
          }
          return false;
        };
        const Stream stream;
        const bool first = lost([&] {
          test::run_fault(stream.get());
          stream.synchronize();
        });
        const bool again = lost([&] { stream.synchronize(); });
        const bool launch = lost([&] { test::run_count_up(stream.get(), nullptr, 0, 0, 64); });
        std::_Exit(first && again && launch ? 0 : 1);
      },
      testing::ExitedWithCode(0), "CUDA device lost");
}

}  // namespace
}  // namespace fllm::cuda
