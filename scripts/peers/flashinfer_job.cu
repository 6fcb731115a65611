// SPDX-License-Identifier: Apache-2.0
// FlashInfer's kernels for a batch of normal logits (standard deviation 2): softmax at temperature 0.8, then top-k 50 and
// top-p 0.9. Arguments: rows, vocab. Checks that each token is among the 50 most likely; scripts/count_peers counts the launches.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <flashinfer/sampling.cuh>
#include <functional>
#include <random>
#include <vector>

namespace {

constexpr int kTopK = 50;
constexpr float kTopP = 0.9f, kTemperature = 0.8f;
constexpr size_t kWorkspaceBytes = 16 << 20;

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "flashinfer_job: %s: %s\n", what, cudaGetErrorString(status));
  std::exit(1);
}

template <class T>
T* allocate(size_t count) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, count * sizeof(T)), "cudaMalloc");
  return static_cast<T*>(memory);
}

bool is_among_the_likeliest(const float* row, int vocab, int token) {
  if (token < 0 || token >= vocab) return false;
  return std::count_if(row, row + vocab, [&](float other) { return other > row[token]; }) < kTopK;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int rows = std::atoi(argv[1]), vocab = std::atoi(argv[2]);
  const size_t size = static_cast<size_t>(rows) * static_cast<size_t>(vocab);
  std::mt19937 generator(1);
  std::normal_distribution<float> normal(0, 2);
  std::vector<float> logits(size);
  for (float& logit : logits) logit = normal(generator);

  auto* device_logits = allocate<float>(size);
  auto* probabilities = allocate<float>(size);
  auto* workspace = allocate<unsigned char>(kWorkspaceBytes);
  auto* device_tokens = allocate<int>(rows);
  auto* valid = allocate<bool>(rows);
  check(cudaMemcpy(device_logits, logits.data(), size * sizeof(float), cudaMemcpyHostToDevice), "cudaMemcpy");
  check(flashinfer::sampling::OnlineSoftmax<float>(device_logits, probabilities, rows, vocab, nullptr, kTemperature,
                                                   workspace, kWorkspaceBytes, false, nullptr),
        "OnlineSoftmax");
  check(flashinfer::sampling::TopKTopPSamplingFromProb<float, int>(probabilities, nullptr, nullptr, device_tokens,
                                                                   valid, nullptr, rows, kTopK, kTopP, vocab, true,
                                                                   nullptr, 1234, nullptr, 0, nullptr),
        "TopKTopPSamplingFromProb");
  check(cudaDeviceSynchronize(), "running");

  std::vector<int> tokens(rows);
  check(cudaMemcpy(tokens.data(), device_tokens, tokens.size() * sizeof(int), cudaMemcpyDeviceToHost), "cudaMemcpy");
  for (int row = 0; row < rows; ++row) {
    if (!is_among_the_likeliest(logits.data() + static_cast<size_t>(row) * vocab, vocab, tokens[row])) {
      std::fprintf(stderr, "flashinfer_job: row %d drew %d\n", row, tokens[row]);
      return 1;
    }
  }
  return 0;
}
