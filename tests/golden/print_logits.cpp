// SPDX-License-Identifier: Apache-2.0
// print_logits MODEL <TEXT: the logits after each token of a text, in one step on the CPU, for smollm2_logits_test.py.
// stdout, in the machine's byte order: int32 token count, int32 tokens[count], float32 logits[count][vocab].
#include <algorithm>
#include <iostream>
#include <iterator>
#include <string>

#include "fundamentallm/result.h"
#include "host/model/open_model.h"
#include "tests/support/model_runner.h"

namespace {

template <class T>
void print(const std::vector<T>& values) {
  std::cout.write(reinterpret_cast<const char*>(values.data()),
                  static_cast<std::streamsize>(values.size() * sizeof(T)));
}

void print_logits(const std::string& path, const std::string& text) {
  const auto backend = fllm::make_backend({.device = "cpu"});
  fllm::OpenedModel opened = fllm::open_model(path, *backend);
  const std::vector<fllm::TokenId> ids = opened.tokenizer->encode(text);
  const auto count = static_cast<std::int32_t>(ids.size());
  fllm::ModelConfig& config = opened.model.config;
  config.sequence_length = std::min(config.sequence_length, count);  // memory for no more than this
  fllm::test::ModelRunner runner(*backend, opened.model, 1, 1);
  const std::vector<std::int32_t> tokens(ids.begin(), ids.end());
  const std::vector<float> logits = runner.step({{0, 0, tokens}});
  print(std::vector<std::int32_t>{count});
  print(tokens);
  print(logits);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: print_logits MODEL <TEXT\n";
    return 2;
  }
  try {
    print_logits(argv[1], std::string(std::istreambuf_iterator<char>(std::cin), {}));
    return std::cout.flush() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
