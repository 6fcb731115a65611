// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <memory>

#include "host/engine/prefix_index.h"
#include "tests/engine/bundled_model.h"

// Prompts with the same beginning share its keys and values, others never do, and no text shows it.
namespace fllm::test {
namespace {

std::vector<TokenId> ids_from(TokenId first, std::size_t count) {
  std::vector<TokenId> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = 4 + (first + static_cast<TokenId>(i * i)) % 60;
  return ids;
}

Request ids_request(std::vector<TokenId> ids, std::int32_t max_tokens = 6) {
  Request request = request_for("", max_tokens);
  request.prompt = std::move(ids);
  return request;
}

class PrefixIndexTest : public ::testing::Test {
 protected:
  static ModelConfig config() {
    ModelConfig config;
    config.d_model = 2;
    config.num_layers = 1;
    return config;
  }
  std::unique_ptr<Backend> backend_ = make_backend({.device = "cpu", .threads = 1});
  KvCache cache_{*backend_, config(), 4};
  PrefixIndex index_{cache_};
  std::vector<TokenId> a_ = ids_from(1, 16), b_ = ids_from(2, 16);
  BlockIds a() const { return BlockIds(a_); }
  BlockIds b() const { return BlockIds(b_); }
};

TEST_F(PrefixIndexTest, EqualHashesShareNothing) {
  const std::int32_t first = cache_.take(), second = cache_.take();
  index_.insert(PrefixIndex::kNone, 7, a(), first);
  index_.insert(first, 7, b(), second);
  EXPECT_EQ(index_.find(PrefixIndex::kNone, 7, a()), first);
  EXPECT_EQ(index_.find(PrefixIndex::kNone, 7, b()), PrefixIndex::kNone);
  EXPECT_EQ(index_.find(first, 7, b()), second);
  EXPECT_EQ(index_.find(first, 7, a()), PrefixIndex::kNone);
  EXPECT_EQ(index_.find(first, 8, b()), PrefixIndex::kNone);
}

TEST_F(PrefixIndexTest, AnEntryDiesWithItsBlockAndWithItsParent) {
  const std::int32_t parent = cache_.take(), child = cache_.take(), third = cache_.take(), fourth = cache_.take();
  index_.insert(PrefixIndex::kNone, 7, a(), parent);
  index_.insert(parent, 9, b(), child);
  cache_.keep(parent);
  cache_.keep(child);
  EXPECT_EQ(cache_.free_block_count(), 0);
  cache_.release(parent);
  EXPECT_EQ(cache_.idle_block_count(), 1);
  EXPECT_EQ(index_.find(PrefixIndex::kNone, 7, a()), parent);  // idle, and there
  EXPECT_EQ(cache_.take(), parent);                            // the only one
  EXPECT_EQ(index_.find(PrefixIndex::kNone, 7, a()), PrefixIndex::kNone);
  index_.insert(PrefixIndex::kNone, 8, b(), parent);  // the same block with other contents, before the same child
  EXPECT_EQ(index_.find(parent, 9, b()), PrefixIndex::kNone);
  EXPECT_EQ(index_.find(PrefixIndex::kNone, 8, b()), parent);
  cache_.release(third);
  cache_.release(fourth);
  EXPECT_EQ(cache_.free_block_count(), 2);
}

TEST_F(PrefixIndexTest, TheLongestIdleGoesFirstAndSharingRevives) {
  std::vector<std::int32_t> blocks;
  for (int i = 0; i < 4; ++i) {
    blocks.push_back(cache_.take());
    cache_.keep(blocks.back());
  }
  for (const int i : {2, 0, 3, 1}) cache_.release(blocks[static_cast<std::size_t>(i)]);
  cache_.share(blocks[0]);
  EXPECT_EQ(cache_.idle_block_count(), 3);
  EXPECT_EQ(cache_.take(), blocks[2]);
  EXPECT_EQ(cache_.take(), blocks[3]);
  EXPECT_EQ(cache_.take(), blocks[1]);
  EXPECT_EQ(cache_.free_block_count(), 0);
}

TEST(ChainHashes, DependOnEveryIdBefore) {
  std::vector<TokenId> ids = ids_from(3, 50);
  const auto hashes = chain_hashes(ids);
  EXPECT_EQ(hashes.size(), 3u);
  ids[5] += 1;
  const auto changed = chain_hashes(ids);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NE(hashes[i], changed[i]);
  ids[5] -= 1;
  ids[33] += 1;
  EXPECT_EQ(chain_hashes(ids)[1], hashes[1]);
  EXPECT_NE(chain_hashes(ids)[2], hashes[2]);
}

TEST(PrefixCache, NoTextDependsOnIt) {
  std::vector<Request> requests;
  for (int i = 0; i < (kFewer == 1 ? 24 : 8); ++i) {
    std::vector<TokenId> ids = ids_from(i % 3, static_cast<std::size_t>(16 * (i % 5)) + 40);
    for (int j = 0; j < i % 18; ++j) ids.push_back(4 + (i * 5 + j) % 60);
    requests.push_back(ids_request(std::move(ids)));
    requests.back().sampling.seed = static_cast<std::uint64_t>(i);
    requests.back().num_samples = 1 + i % 3;
  }
  std::vector<std::vector<std::string>> texts;
  const std::int64_t block = 16 * open_some().info().kv_bytes_per_token;
  for (const EngineOptions& options : {EngineOptions{.threads = 1, .prefix_cache = false}, EngineOptions{.threads = 1},
                                       EngineOptions{.threads = 1, .max_rows = 5, .prefill_tokens = 16},
                                       EngineOptions{.threads = 1, .max_rows = 16, .kv_cache_bytes = 20 * block}}) {
    Generator generator = open_some(options);
    std::vector<RequestId> ids;
    ids.reserve(requests.size());
    for (const Request& request : requests) ids.push_back(generator.submit(request).value());
    generator.drain().value();
    std::vector<std::string>& found = texts.emplace_back();
    for (const RequestId id : ids) {
      for (const Sample& sample : generator.take(id).value().samples) {
        found.push_back(sample.text + std::to_string(std::bit_cast<std::uint64_t>(sample.sum_logprob)));
      }
    }
    EXPECT_EQ(found, texts[0]);
    EXPECT_EQ(generator.metrics().prefix_hit_tokens > 0, options.prefix_cache);
    EXPECT_EQ(generator.metrics().blocks_used, 0);
  }
}

TEST(PrefixCache, CountsWhatItSaves) {
  Generator generator = open_some({.threads = 1});
  const std::vector<TokenId> ids = ids_from(1, 96);
  (void)generator.generate(ids_request(ids)).value();
  EXPECT_EQ(generator.metrics().prompt_tokens, 96);
  EXPECT_EQ(generator.metrics().blocks_cached, 6);
  const Usage again = generator.generate(ids_request(ids)).value().usage;  // all but the block with the last token
  EXPECT_EQ(again.prompt_tokens, 96);
  EXPECT_EQ(again.cached_tokens, 80);
  EXPECT_EQ(generator.metrics().prefix_hit_tokens, 80);
  EXPECT_EQ(generator.metrics().prompt_tokens, 112);
  std::vector<TokenId> longer = ids;
  longer.push_back(9);
  (void)generator.generate(ids_request(longer)).value();
  EXPECT_EQ(generator.metrics().prefix_hit_tokens, 176);
  std::vector<TokenId> other = ids;
  other[20] = other[20] == 4 ? 5 : 4;
  (void)generator.generate(ids_request(other)).value();
  EXPECT_EQ(generator.metrics().prefix_hit_tokens, 192);
}

// Eight requests that come together compute what they have in common once, each a part of it.
TEST(PrefixCache, RequestsOfOneStepShareToo) {
  Generator generator = open_some({.threads = 1});
  const std::vector<TokenId> common = ids_from(1, 160);
  std::vector<RequestId> ids;
  for (TokenId last = 10; last < 18; ++last) {
    std::vector<TokenId> prompt = common;
    prompt.push_back(last);
    ids.push_back(generator.submit(ids_request(prompt, 1)).value());
  }
  EXPECT_EQ(generator.step().value().prompt_tokens, 160 + 6);  // 64 + 64 + 33 + 5 x 1
  EXPECT_EQ(generator.step().value().prompt_tokens, 2);        // the first two, which adopt what the others computed
  EXPECT_EQ(generator.metrics().prefix_hit_tokens, 7 * 160);
  EXPECT_TRUE(generator.idle());
}

TEST(PrefixCache, SamplesReadTheirPromptOnce) {
  Generator generator = open_some({.threads = 1});
  Request request = ids_request(ids_from(1, 100), 4);
  request.num_samples = 8;
  EXPECT_EQ(generator.generate(request).value().usage.cached_tokens, 0);
  EXPECT_EQ(generator.metrics().prompt_tokens, 100);
  EXPECT_EQ(generator.metrics().blocks_total, 256 * 16);
}

}  // namespace
}  // namespace fllm::test
