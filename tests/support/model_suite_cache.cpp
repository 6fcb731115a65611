// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "tests/support/chunk_memory.h"
#include "tests/support/device_rows.h"
#include "tests/support/model_oracle.h"
#include "tests/support/model_suite.h"

namespace fllm::test {
namespace {

/// The first rows of a cache as beams: beam i of three in row i, which wrote what of whom behind the prompt.
struct Beams {
  std::int32_t prompt_count = 0;
  std::int32_t entry_bytes = 1;
  std::vector<std::int32_t> ancestors;  // [positions, 3]
  std::int32_t row_count = 3;           // that are beams; the others have a table of their own

  [[nodiscard]] std::vector<std::uint16_t> packed() const {
    std::vector<std::uint16_t> bytes;
    for (std::size_t i = 0; i < ancestors.size(); i += entry_bytes == 1 ? 2 : 1) {
      const std::int32_t next = entry_bytes == 1 && i + 1 < ancestors.size() ? ancestors[i + 1] : 0;
      bytes.push_back(static_cast<std::uint16_t>(ancestors[i] + 256 * next));
    }
    return bytes;
  }
};

/// A layer's cache and the block tables of three sequences, their blocks scattered. A row is (sequence, position).
class Cache {
 public:
  /// blocks: a power of two, of which a sequence has a third.
  Cache(Backend& backend, std::int32_t width, std::vector<std::int32_t> sequences, std::vector<std::int32_t> positions,
        std::int32_t blocks = 64, const Beams& beams = {0, 1, {}, 0})
      : width_(width),
        blocks_(blocks),
        beams_(beams),
        sequences_(std::move(sequences)),
        positions_(std::move(positions)),
        keys(random_floats(elements(), 11)),
        values(random_floats(elements(), 12)),
        device_keys(backend, elements()),
        device_values(backend, elements()),
        device_sequences_(backend, sequences_),
        device_positions_(backend, positions_),
        device_table_(backend, table()),
        device_ancestors_(backend, beams.packed()),
        device_paths_(backend, paths()) {
    upload();
  }

  void upload() {
    device_keys.upload(keys);
    device_values.upload(values);
  }
  [[nodiscard]] std::int32_t row_count() const { return static_cast<std::int32_t>(positions_.size()); }
  [[nodiscard]] std::int32_t position(std::int32_t row) const { return positions_[static_cast<std::size_t>(row)]; }
  [[nodiscard]] const std::int32_t* positions() const { return device_positions_.data(); }
  [[nodiscard]] BlockTables tables() const {
    return {device_table_.data(), stride(), device_sequences_.data(), device_paths_.data(), beams_.row_count};
  }
  [[nodiscard]] KvLayer layer() const { return {device_keys.data(), device_values.data(), width_}; }
  /// First element of position t of a row's sequence.
  [[nodiscard]] std::size_t offset(std::int32_t row, std::int32_t t) const {
    const std::int32_t block = block_of(sequence_of(row, t), t / 16);
    return static_cast<std::size_t>(block * 16 + t % 16) * static_cast<std::size_t>(width_);
  }

 private:
  static constexpr std::int32_t kSequences = 3;
  [[nodiscard]] std::int32_t sequence_of(std::int32_t row, std::int32_t t) const {
    if (row >= beams_.row_count) return sequences_[static_cast<std::size_t>(row)];
    const std::int32_t later = t - beams_.prompt_count;
    return later < 0 ? 0
                     : beams_.ancestors[static_cast<std::size_t>(later) * kSequences + static_cast<std::size_t>(row)];
  }
  [[nodiscard]] std::vector<KvPath> paths() const {
    std::vector<KvPath> paths;
    paths.reserve(static_cast<std::size_t>(beams_.row_count));
    for (std::int32_t i = 0; i < beams_.row_count; ++i) {
      paths.push_back({device_ancestors_.data(), beams_.entry_bytes, kSequences, i, beams_.prompt_count, 0});
    }
    return paths;
  }
  [[nodiscard]] std::int32_t sequence_blocks() const { return blocks_ / kSequences; }
  [[nodiscard]] std::int32_t stride() const { return sequence_blocks() + 3; }
  [[nodiscard]] std::int32_t block_of(std::int32_t sequence, std::int32_t index) const {
    return (sequence * sequence_blocks() + index) * 37 % blocks_;  // 37 is odd: distinct
  }
  [[nodiscard]] std::vector<std::int32_t> table() const {
    std::vector<std::int32_t> blocks(static_cast<std::size_t>(kSequences * stride()), -1);
    for (std::int32_t s = 0; s < kSequences; ++s) {
      const auto row = blocks.begin() + std::ptrdiff_t{stride()} * s;
      for (std::int32_t i = 0; i < sequence_blocks(); ++i) row[i] = block_of(s, i);
    }
    return blocks;
  }
  [[nodiscard]] std::size_t elements() const {
    return static_cast<std::size_t>(blocks_) * kKvBlockTokens * static_cast<std::size_t>(width_);
  }

  std::int32_t width_, blocks_;
  Beams beams_;
  std::vector<std::int32_t> sequences_, positions_;

 public:
  std::vector<float> keys, values;  // [blocks, 16, width]
  GuardedArray<float> device_keys, device_values;

 private:
  DeviceTable<std::int32_t> device_sequences_, device_positions_, device_table_;
  DeviceTable<std::uint16_t> device_ancestors_;
  DeviceTable<KvPath> device_paths_;
};

void expect_same(const GuardedArray<float>& array, const std::vector<float>& expected, const std::string& what) {
  const std::vector<float> got = array.download(what.c_str());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_TRUE(same_bits(got[i], expected[i]))
        << what << ": element " << i << ": got " << got[i] << ", want " << expected[i];
  }
}

struct Heads {
  std::int32_t query, key, dim;

  [[nodiscard]] std::int32_t query_width() const { return query * dim; }
  [[nodiscard]] std::int32_t key_width() const { return key * dim; }
  [[nodiscard]] std::int32_t qkv_width() const { return query_width() + 2 * key_width(); }
};

PlainHead plain_head(const Cache& cache, std::span<const float> qkv, std::int32_t row, std::int32_t head,
                     const Heads& heads) {
  const auto first = static_cast<std::size_t>(head / (heads.query / heads.key)) * static_cast<std::size_t>(heads.dim);
  const auto part = [&](const std::vector<float>& from, std::size_t offset) {
    const auto begin = from.begin() + static_cast<std::ptrdiff_t>(offset + first);
    return std::vector<float>(begin, begin + heads.dim);
  };
  PlainHead plain;
  plain.query.assign(qkv.begin() + head * heads.dim, qkv.begin() + (head + 1) * heads.dim);
  plain.scale = 1 / std::sqrt(static_cast<float>(heads.dim));
  for (std::int32_t t = 0; t <= cache.position(row); ++t) {
    plain.keys.push_back(part(cache.keys, cache.offset(row, t)));
    plain.values.push_back(part(cache.values, cache.offset(row, t)));
  }
  return plain;
}

struct Spread : AttentionSpread {
  bool in_memory = false;  // chunks are left in memory
};

/// How blocks share the work: as the launch chooses, one query to a block, several heads or rows of three together, as
/// many as a block may have, and of these the positions shared out too, which blocks join in memory or in a cluster.
std::vector<Spread> spreads_of(const Heads& heads, bool clusters) {
  const std::int32_t group = heads.query / heads.key, most = heads.dim > 128 ? 8 : 16;
  const AttentionSpread together{std::max(1, most / group), std::min(group, most), 1};
  const AttentionSpread shared_out{together.rows, together.heads, kAttentionChunks};
  std::vector<Spread> spreads{{}, {together}, {shared_out, true}};
  if (group > 2) spreads.push_back({{1, 2, 1}});
  if (group == 1) spreads.insert(spreads.end(), {{{1, 1, 1}}, {{3, 1, 1}}});
  if (clusters) spreads.push_back({shared_out});
  return spreads;
}

/// Runs attention over the cache and compares every head with the oracle, however the work is spread.
void check_attention(Backend& backend, const Cache& cache, DeviceRows& qkv, const Heads& heads, bool clusters) {
  std::vector<std::vector<float>> expected;
  for (std::int32_t row = 0; row < cache.row_count(); ++row) {
    expected.emplace_back();
    for (std::int32_t head = 0; head < heads.query; ++head) {
      const PlainHead plain = plain_head(cache, qkv.row(row), row, head, heads);
      const std::vector<float> values = plain_attention(plain);
      const std::vector<double> exact = exact_attention(plain);
      for (std::size_t c = 0; c < values.size(); ++c) {
        // Values lie in [-2, 2); scores below 40 carry an error below 1e-5, which a weight shows in full.
        ASSERT_EQ(std::isnan(values[c]), std::isnan(exact[c])) << "the oracle itself, row " << row;
        if (std::isinf(exact[c])) {
          ASSERT_EQ(values[c], exact[c]) << "the oracle itself, row " << row;
        } else if (!std::isnan(exact[c])) {
          ASSERT_NEAR(values[c], exact[c], 5e-5) << "the oracle itself, row " << row;
        }
      }
      expected.back().insert(expected.back().end(), values.begin(), values.end());
    }
  }
  const float scale = 1 / std::sqrt(static_cast<float>(heads.dim));
  for (const Spread& spread : spreads_of(heads, clusters)) {
    const DeviceRows out(backend, cache.row_count(), heads.query_width());
    const ChunkMemory chunks(backend, spread.in_memory ? cache.row_count() : 0, heads.query, heads.dim);
    backend.attention({qkv.input(),
                       cache.positions(),
                       cache.tables(),
                       cache.layer(),
                       heads.query,
                       heads.dim,
                       scale,
                       out.view(),
                       {},
                       {spread.rows, spread.heads, spread.parts},
                       chunks.view()});
    chunks.expect_guards();
    out.expect(expected, "attention, " + std::to_string(heads.query) + " heads of " + std::to_string(heads.dim) +
                             " over " + std::to_string(heads.key) + ", spread " + std::to_string(spread.rows) + " " +
                             std::to_string(spread.heads) + " " + std::to_string(spread.parts) +
                             (spread.in_memory ? " in memory" : ""));
  }
}

}  // namespace

void run_kv_append(Backend& backend) {
  struct Size {
    std::int32_t width, group;
  };
  for (const auto& [width, group] : {Size{1, 1}, Size{31, 1}, Size{33, 3}, Size{128, 2}, Size{300, 1}}) {
    Cache cache(backend, width, {0, 1, 1, 2, 0}, {0, 15, 16, 299, 33});
    const DeviceRows qkv(backend, cache.row_count(), (group + 2) * width, 13);
    backend.kv_append({qkv.input(), cache.positions(), cache.tables(), cache.layer()});
    for (std::int32_t row = 0; row < cache.row_count(); ++row) {
      for (std::int32_t c = 0; c < width; ++c) {
        const std::size_t place = cache.offset(row, cache.position(row)) + static_cast<std::size_t>(c);
        const auto first_key_place = qkv.row(row).begin() + group * width + c;
        cache.keys[place] = first_key_place[0];
        cache.values[place] = first_key_place[width];
      }
    }
    expect_same(cache.device_keys, cache.keys, "keys");
    expect_same(cache.device_values, cache.values, "values");
  }
}

void run_copy_blocks(Backend& backend) {
  const std::vector<std::int32_t> source{3, 7, 3}, destination{0, 63, 20};
  const DeviceTable<std::int32_t> from(backend, source), to(backend, destination);
  struct Size {
    std::int32_t width, tokens;
  };
  for (const Size& part : {Size{1, 16}, Size{33, 16}, Size{128, 16}, Size{33, 5}, Size{128, 1}, Size{128, 0}}) {
    Cache cache(backend, part.width, {0}, {0});
    backend.copy_blocks({cache.layer(), from.data(), to.data(), 3, part.tokens});
    const std::ptrdiff_t size = std::ptrdiff_t{16} * part.width;
    for (std::size_t i = 0; i < source.size(); ++i) {
      for (std::vector<float>* memory : {&cache.keys, &cache.values}) {
        std::copy_n(memory->begin() + source[i] * size, part.tokens * part.width,
                    memory->begin() + destination[i] * size);
      }
    }
    expect_same(cache.device_keys, cache.keys, "keys");
    expect_same(cache.device_values, cache.values, "values");
  }
}

void run_attention(Backend& backend, bool clusters) {
  const std::vector<std::int32_t> edges{0, 1, 15, 16, 31, 32, 127, 128, 200};
  for (const Heads& heads :
       {Heads{1, 1, 1}, Heads{3, 3, 8}, Heads{2, 2, 32}, Heads{1, 1, 33}, Heads{2, 2, 64}, Heads{1, 1, 100},
        Heads{6, 2, 8}, Heads{3, 1, 33}, Heads{6, 2, 64}, Heads{5, 1, 17}, Heads{17, 1, 2}, Heads{1, 1, 256}}) {
    const Cache cache(backend, heads.key_width(), {0, 1, 2, 0, 1, 2, 0, 1, 2}, edges);
    DeviceRows qkv(backend, cache.row_count(), heads.qkv_width(), 14);
    check_attention(backend, cache, qkv, heads, clusters);
  }
  // Three tiles, the last one of a single position and of several.
  const Cache longer(backend, 64, {0, 2}, {256, 300});
  DeviceRows qkv(backend, 2, 192, 15);
  check_attention(backend, longer, qkv, {2, 2, 32}, clusters);
}

/// Prompts: neighbouring rows of one sequence, which end in different tiles and at different places of one.
void run_attention_prompts(Backend& backend, bool clusters) {
  std::vector<std::int32_t> sequences, positions;
  const auto rows = [&](std::int32_t sequence, std::int32_t begin, std::int32_t end) {
    for (std::int32_t t = begin; t < end; ++t) {
      sequences.push_back(sequence);
      positions.push_back(t);
    }
  };
  rows(1, 124, 135);
  rows(0, 3, 4);
  rows(2, 12, 18);
  rows(0, 254, 258);
  rows(1, 7, 9);  // the sequence of the first rows, further back
  rows(2, 31, 32);
  rows(2, 30, 31);  // the other way round
  for (const Heads& heads : {Heads{1, 1, 8}, Heads{6, 2, 5}}) {
    Cache cache(backend, heads.key_width(), sequences, positions);
    // What lies ahead of a row is not its own: not even NaN.
    const auto later = cache.values.begin() + static_cast<std::ptrdiff_t>(cache.offset(0, 134));
    std::fill_n(later, heads.key_width(), std::numeric_limits<float>::quiet_NaN());
    cache.upload();
    DeviceRows qkv(backend, cache.row_count(), heads.qkv_width(), 17);
    check_attention(backend, cache, qkv, heads, clusters);
  }
}

/// More than eight tiles: chunks of two and of four, and rows on both sides of where their size changes.
void run_attention_chunks(Backend& backend, bool clusters) {
  const Cache cache(backend, 4, {0, 0, 0, 1, 2, 1, 1, 1}, {1022, 1023, 1024, 1300, 1152, 2046, 2047, 2048}, 512);
  DeviceRows qkv(backend, cache.row_count(), 16, 18);
  check_attention(backend, cache, qkv, {2, 1, 4}, clusters);
}

/// Beams read what others wrote, wherever it lies, with the bits of a sequence of their own: prompts that end in a block, at its
/// end and in another tile; other rows beside them.
void run_attention_beams(Backend& backend, bool clusters) {
  struct Case {
    std::int32_t prompt_count, position, entry_bytes;
  };
  const Heads every_heads[] = {{1, 1, 8}, {6, 2, 5}, {2, 2, 64}};
  std::size_t turn =
      0;  // whose position is read where, and how heads share it, are apart: each case has one of the heads
  for (const Case& c : {Case{5, 4, 1}, Case{5, 5, 1}, Case{7, 40, 2}, Case{32, 66, 1}, Case{120, 139, 2},
                        Case{16, 300, 1}, Case{1, 130, 2}}) {
    Beams beams{c.prompt_count, c.entry_bytes, {}, 3};
    for (std::int32_t t = c.prompt_count; t <= c.position; ++t) {
      for (std::int32_t k = 0; k < 3; ++k) beams.ancestors.push_back(t == c.position ? k : (t * t / 3 + k * 5) % 3);
    }
    const std::vector<std::int32_t> sequences{0, 1, 2, 1, 1}, positions{c.position, c.position, c.position, 60, 61};
    const Heads& heads = every_heads[turn++ % 3];
    const Cache cache(backend, heads.key_width(), sequences, positions, 64, beams);
    DeviceRows qkv(backend, cache.row_count(), heads.qkv_width(), 19);
    check_attention(backend, cache, qkv, heads, clusters);
  }
}

void run_attention_degenerate(Backend& backend, bool clusters) {
  constexpr std::int32_t kHeadDim = 32;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  Cache cache(backend, kHeadDim, {0, 1, 2, 2, 1, 0}, {140, 140, 140, 3, 10, 4});
  DeviceRows qkv(backend, cache.row_count(), 3 * kHeadDim, 16);
  const auto set_key = [&](std::int32_t row, std::int32_t t, float value) {
    std::fill_n(cache.keys.begin() + static_cast<std::ptrdiff_t>(cache.offset(row, t)), kHeadDim, value);
  };
  for (std::int32_t c = 0; c < kHeadDim; ++c) {
    for (std::int32_t row = 0; row < cache.row_count(); ++row) qkv.at(row, c) = 1.0f;
  }
  qkv.upload();
  set_key(0, 5, std::numeric_limits<float>::quiet_NaN());           // in the first of two tiles: NaN, but not before it
  set_key(1, 130, 4000.0f);                                         // in the second tile: all before it vanishes
  set_key(2, 139, -4000.0f);                                        // no weight at all
  for (std::int32_t t = 0; t <= 3; ++t) set_key(3, t, -kInfinity);  // all that one row has: NaN; no weight for another
  cache.values[cache.offset(2, 7)] =
      kInfinity;  // in the first of two chunks: infinite, not NaN by what the second begins with
  cache.upload();
  check_attention(backend, cache, qkv, {1, 1, kHeadDim}, clusters);
  for (std::int32_t t = 0; t < 128; ++t) set_key(2, t, -kInfinity);  // a tile without any weight
  set_key(1, 140, kInfinity);                                        // NaN in the last tile
  cache.upload();
  check_attention(backend, cache, qkv, {1, 1, kHeadDim}, clusters);
}

}  // namespace fllm::test
