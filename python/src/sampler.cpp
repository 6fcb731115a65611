// SPDX-License-Identifier: Apache-2.0
#include "python/src/sampler.h"

#include <unistd.h>

#include <deque>
#include <vector>

#include "python/src/errors.h"

namespace nb = nanobind;

namespace fllm::python {
namespace {

enum class Use { kInput, kOutput, kAdvanced };  // kAdvanced: written by a call that advances

struct Field {
  const char* name;
  const fllm_dl_tensor* fllm_sample_tensors::*member;
  Use use = Use::kInput;
};

constexpr Field kFields[] = {
    {"logits", &fllm_sample_tensors::logits},
    {"tokens", &fllm_sample_tensors::tokens, Use::kOutput},
    {"status", &fllm_sample_tensors::status, Use::kOutput},
    {"workspace", &fllm_sample_tensors::workspace, Use::kOutput},
    {"temperature", &fllm_sample_tensors::temperature},
    {"top_k", &fllm_sample_tensors::top_k},
    {"top_p", &fllm_sample_tensors::top_p},
    {"min_p", &fllm_sample_tensors::min_p},
    {"repetition_penalty", &fllm_sample_tensors::repetition_penalty},
    {"frequency_penalty", &fllm_sample_tensors::frequency_penalty},
    {"presence_penalty", &fllm_sample_tensors::presence_penalty},
    {"seed", &fllm_sample_tensors::seed},
    {"position", &fllm_sample_tensors::position, Use::kAdvanced},
    {"sample_index", &fllm_sample_tensors::sample_index},
    {"fallback_id", &fllm_sample_tensors::fallback_id},
    {"generated", &fllm_sample_tensors::generated, Use::kAdvanced},
    {"min_tokens", &fllm_sample_tensors::min_tokens},
    {"allow_mask", &fllm_sample_tensors::allow_mask},
    {"mask_row", &fllm_sample_tensors::mask_row},
    {"ban_ids", &fllm_sample_tensors::ban_ids},
    {"ban_offsets", &fllm_sample_tensors::ban_offsets},
    {"end_id_offsets", &fllm_sample_tensors::end_id_offsets},
    {"bias", &fllm_sample_tensors::bias},
    {"bias_offsets", &fllm_sample_tensors::bias_offsets},
    {"history_entries", &fllm_sample_tensors::history_entries, Use::kAdvanced},
    {"history_sizes", &fllm_sample_tensors::history_sizes, Use::kAdvanced},
    {"history_slot", &fllm_sample_tensors::history_slot},
    {"uniforms", &fllm_sample_tensors::uniforms},
    {"details", &fllm_sample_tensors::details, Use::kOutput},
    {"top", &fllm_sample_tensors::top, Use::kOutput},
    {"probabilities", &fllm_sample_tensors::probabilities, Use::kOutput},
    {"filters", &fllm_sample_tensors::filters},
    {"sequence_tokens", &fllm_sample_tensors::sequence_tokens, Use::kAdvanced},
    {"sequence_lengths", &fllm_sample_tensors::sequence_lengths, Use::kAdvanced},
    {"mirostat_mu", &fllm_sample_tensors::mirostat_mu, Use::kAdvanced},
    {"word_offsets", &fllm_sample_tensors::word_offsets},
    {"word_ids", &fllm_sample_tensors::word_ids},
    {"breaker_ids", &fllm_sample_tensors::breaker_ids},
};

/// The arrays of one call of fllm_sample.
class SampleTensors {
 public:
  SampleTensors(const nb::dict& arrays, const Device& device, bool advance) {
    tensors_.struct_size = sizeof tensors_;
    for (const Field& field : kFields) {
      if (!arrays.contains(field.name)) continue;
      const bool written = field.use == Use::kOutput || (field.use == Use::kAdvanced && advance);
      views_.emplace_back(field.name, arrays[field.name], written ? Access::kWrite : Access::kRead, device);
      structures_.push_back(views_.back().tensor());
      tensors_.*field.member = &structures_.back();
    }
  }
  [[nodiscard]] const fllm_sample_tensors& tensors() const { return tensors_; }

 private:
  std::deque<ArrayView> views_;  // tensors_ points into these
  std::deque<fllm_dl_tensor> structures_;
  fllm_sample_tensors tensors_{};
};

/// Memory for calls on the CPU, kept between them. One a thread: calls of several threads may wait for each other inside the
/// library, each with its workspace at hand.
std::vector<std::byte>& thread_workspace(std::size_t bytes) {
  thread_local std::vector<std::byte> workspace;
  if (workspace.size() < bytes) workspace.resize(bytes);
  return workspace;
}

/// Calls the library without the GIL.
template <class Call>
void check_unlocked(Call call) {
  fllm_status status{};
  {
    const nb::gil_scoped_release unlocked;
    status = call();
  }
  check(status);
}

}  // namespace

// Forking leaves the threads of a CPU sampler, and a CUDA context, in the parent: a child cannot end the sampler.
void Sampler::Destroy::operator()(fllm_sampler* sampler) const {
  if (getpid() == process) fllm_sampler_destroy(sampler);
}

Sampler::Sampler(std::int32_t device_type, std::int32_t device_index, std::int32_t threads)
    : device_{device_type, device_index}, sampler_(nullptr, Destroy{getpid()}) {
  fllm_sampler_options options{};
  options.struct_size = sizeof options;
  options.device_type = device_type;
  options.device_index = device_index;
  options.threads = threads;
  fllm_sampler* made = nullptr;
  check_unlocked([&] { return fllm_sampler_create(&options, &made); });
  sampler_.reset(made);
}

std::string Sampler::description() const { return fllm_sampler_description(sampler_.get()); }

std::size_t Sampler::workspace_bytes(std::int32_t rows, std::int32_t vocab, std::int32_t logits_dtype,
                                     std::int32_t blocks_per_row) const {
  fllm_sample_args args{};
  args.struct_size = sizeof args;
  args.rows = rows;
  args.vocab = vocab;
  args.logits_dtype = logits_dtype;
  args.blocks_per_row = blocks_per_row;
  std::size_t bytes = 0;
  check(fllm_sampler_workspace_size(sampler_.get(), &args, &bytes));
  return bytes;
}

fllm_sample_args Sampler::arguments(const fllm_sample_tensors& tensors, std::int32_t random_stream,
                                    std::int32_t blocks_per_row, bool advance) const {
  fllm_sample_args args{};
  args.struct_size = sizeof args;
  args.random_stream = random_stream;
  args.blocks_per_row = blocks_per_row;
  args.advance = advance ? 1 : 0;
  check(fllm_sample_args_from_dl(sampler_.get(), &tensors, &args));
  if (args.workspace == nullptr && device_.type == FLLM_DEVICE_CPU) {
    std::vector<std::byte>& workspace =
        thread_workspace(workspace_bytes(args.rows, args.vocab, args.logits_dtype, args.blocks_per_row));
    args.workspace = workspace.data();
    args.workspace_bytes = workspace.size();
  }
  return args;
}

void Sampler::sample(const nb::dict& arrays, std::int32_t random_stream, std::int32_t blocks_per_row, bool advance,
                     std::uintptr_t stream) const {
  const SampleTensors tensors(arrays, device_, advance);
  const fllm_sample_args args = arguments(tensors.tensors(), random_stream, blocks_per_row, advance);
  check_unlocked([&] { return fllm_sample(sampler_.get(), &args, reinterpret_cast<void*>(stream)); });
}

void Sampler::sample_shard(const nb::dict& arrays, const nb::dict& shard, std::int32_t random_stream,
                           std::int32_t blocks_per_row, bool advance, std::uintptr_t stream) const {
  const SampleTensors tensors(arrays, device_, advance);
  const fllm_sample_args args = arguments(tensors.tensors(), random_stream, blocks_per_row, advance);
  const auto number = [&](const char* name) { return nb::cast<std::int32_t>(shard[name]); };
  fllm_shard_args s{};
  s.struct_size = sizeof s;
  s.vocab = number("vocab");
  s.first_id = number("first_id");
  s.rank = number("rank");
  s.ranks = number("ranks");
  s.list_size = number("list_size");
  s.step = number("step");
  s.last = number("last");
  const ArrayView words("words", shard["words"], Access::kWrite, device_);
  const ArrayView states("states", shard["states"], Access::kWrite, device_);
  const auto row_words = static_cast<std::int64_t>(fllm_shard_words(s.ranks, s.list_size));
  s.words = static_cast<std::uint64_t*>(words.words(64, {args.rows, row_words}, device_));
  s.states = states.words(64, {args.rows, FLLM_SHARD_STATE_BYTES / 8}, device_);
  check_unlocked([&] { return fllm_sample_shard(sampler_.get(), &args, &s, reinterpret_cast<void*>(stream)); });
}

void Sampler::append(const nb::dict& arrays, std::int32_t vocab, std::uintptr_t stream) const {
  std::deque<ArrayView> views;
  std::deque<fllm_dl_tensor> tensors;
  const auto tensor = [&](const char* name, Access access) -> const fllm_dl_tensor* {
    if (!arrays.contains(name)) return nullptr;
    return &tensors.emplace_back(views.emplace_back(name, arrays[name], access, device_).tensor());
  };
  fllm_history_append_tensors t{};
  t.struct_size = sizeof t;
  t.history_entries = tensor("history_entries", Access::kWrite);
  t.history_sizes = tensor("history_sizes", Access::kWrite);
  t.ids = tensor("ids", Access::kRead);
  t.id_offsets = tensor("id_offsets", Access::kRead);
  t.slots = tensor("slots", Access::kRead);
  t.are_outputs = tensor("are_outputs", Access::kRead);
  t.status = tensor("status", Access::kWrite);
  fllm_history_append_args args{};
  args.struct_size = sizeof args;
  args.vocab = vocab;
  check(fllm_history_append_args_from_dl(sampler_.get(), &t, &args));
  check_unlocked([&] { return fllm_history_append(sampler_.get(), &args, reinterpret_cast<void*>(stream)); });
}

}  // namespace fllm::python
