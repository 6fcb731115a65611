// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string>

#include "fundamentallm/fundamentallm.h"

// consumer MODEL: continues a prompt greedily, twice, and prints the text. Exit 0 when both are the same and not empty.
int main(int argc, char** argv) {
  if (argc != 2) return 2;
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
