// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "fundamentallm/fundamentallm.h"

namespace {

/// Draws from one row on the CPU; -1 when that fails.
std::int32_t draw() {
  const std::vector<float> logits{0, 2, 1}, temperature{0};
  std::vector<std::int32_t> tokens(1);
  fllm::Result<fllm::Sampler> sampler = fllm::Sampler::create({.threads = 1});
  if (!sampler) return -1;
  const fllm::LogitsView view{.data = logits.data(), .rows = 1, .vocab = 3};
  std::vector<std::byte> workspace(sampler->workspace_bytes(view).value());
  const fllm::Result<void> drawn =
      sampler->sample({.logits = view, .tokens = tokens, .workspace = workspace, .temperature = temperature});
  return drawn ? tokens[0] : -1;
}

}  // namespace

// consumer MODEL: draws a token from given logits; continues a prompt greedily, twice, and prints the text. Exit 0 when the
// token is the best and both texts are the same and not empty.
int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (draw() != 1) return 1;
  fllm::Result<fllm::Generator> generator = fllm::Generator::open(argv[1], {.device = "cpu", .threads = 1});
  if (!generator) {
    std::fprintf(stderr, "%s\n", generator.error().message.c_str());
    return 1;
  }
  std::string texts[2];
  for (std::string& text : texts) {
    fllm::Request request;
    request.prompt = std::string("ROMEO:");
    request.sampling.temperature = 0;
    request.length.max_tokens = 24;
    fllm::Result<fllm::Completion> completion = generator->generate(request);
    if (!completion) {
      std::fprintf(stderr, "%s\n", completion.error().message.c_str());
      return 1;
    }
    text = completion->samples.at(0).text;
  }
  std::printf("%s: %s\n", FLLM_VERSION, texts[0].c_str());
  return texts[0] == texts[1] && !texts[0].empty() ? 0 : 1;
}
