// SPDX-License-Identifier: Apache-2.0
#include "host/api/sample_tensors.h"

#include <optional>

#include "host/api/tensor_fields.h"

namespace fllm {
namespace {

/// Fills in a copy of the arguments, collecting what is wrong.
class Filler : private TensorFields {
 public:
  Filler(const TensorDevice& device, const fllm_sample_tensors& tensors, const fllm_sample_args& args)
      : TensorFields(device), t_(tensors), a_(args) {}

  fllm_sample_args fill() {
    logits();
    for_each_row();
    lists();
    allow_mask();
    history_table(t_.history_entries, t_.history_sizes, a_.history);
    filters();
    probabilities();
    workspace();
    refuse_violations(found().lines());
    return a_;
  }

 private:
  void logits() {
    if (t_.logits == nullptr) {
      found().add("logits", "NULL", "must be given");
      return;
    }
    const std::optional<TensorView> view = open("logits", t_.logits);
    if (!view) return;
    if (const std::optional<std::int32_t> dtype = view->logits_dtype()) {
      a_.logits_dtype = *dtype;
    } else {
      found().add("logits", view->dtype_text(), "must be float32, float16 or bfloat16");
    }
    if (view->rank() != 1 && view->rank() != 2) {
      found().add("logits", view->shape_text(), "must be [rows, vocab] or [vocab]");
      return;
    }
    const std::int64_t rows = view->rank() == 1 ? 1 : view->extent(0);
    const std::int64_t vocab = view->extent(view->rank() - 1);
    a_.rows = to_int32(rows);
    a_.vocab = to_int32(vocab);
    a_.logits = view->data();
    a_.logits_stride = view->row_stride(found());
    rows_ = exactly(rows);
    rows_plus_one_ = exactly(rows + 1);
    vocab_ = exactly(vocab);
  }

  void for_each_row() {
    array("tokens", t_.tokens, a_.tokens, {rows_});
    array("status", t_.status, a_.status, {rows_});
    array("temperature", t_.temperature, a_.temperature, {rows_});
    array("top_k", t_.top_k, a_.top_k, {rows_});
    array("top_p", t_.top_p, a_.top_p, {rows_});
    array("min_p", t_.min_p, a_.min_p, {rows_});
    array("repetition_penalty", t_.repetition_penalty, a_.repetition_penalty, {rows_});
    array("frequency_penalty", t_.frequency_penalty, a_.frequency_penalty, {rows_});
    array("presence_penalty", t_.presence_penalty, a_.presence_penalty, {rows_});
    array("seed", t_.seed, a_.seed, {rows_});
    array("position", t_.position, a_.position, {rows_});
    array("sample_index", t_.sample_index, a_.sample_index, {rows_});
    array("fallback_id", t_.fallback_id, a_.fallback_id, {rows_});
    array("generated", t_.generated, a_.generated, {rows_});
    array("min_tokens", t_.min_tokens, a_.min_tokens, {rows_});
    array("mask_row", t_.mask_row, a_.mask_row, {rows_});
    array("history_slot", t_.history_slot, a_.history_slot, {rows_});
    array("uniforms", t_.uniforms, a_.uniforms, {rows_});
    array("details", t_.details, a_.details, {rows_});
    if (const auto view = array("top", t_.top, a_.top, {rows_, kAny})) a_.top_count = to_int32(view->extent(1));
  }

  void lists() {
    array("ban_offsets", t_.ban_offsets, a_.ban_offsets, {rows_plus_one_});
    array("end_id_offsets", t_.end_id_offsets, a_.end_id_offsets, {rows_plus_one_});
    array("bias_offsets", t_.bias_offsets, a_.bias_offsets, {rows_plus_one_});
    // A list without elements often has no address. No range of it holds anything, so its offsets go with it.
    const auto bans = array("ban_ids", t_.ban_ids, a_.ban_ids, {kAny});
    if (bans && bans->empty()) a_.ban_offsets = a_.end_id_offsets = nullptr;
    const auto bias = array("bias", t_.bias, a_.bias, {kAny});
    if (bias && bias->empty()) a_.bias_offsets = nullptr;
  }

  void allow_mask() {
    const auto view = matrix("allow_mask", t_.allow_mask, a_.allow_mask, a_.mask_words, {kAny, kAny});
    if (!view) return;
    if (vocab_.kind == Extent::kExact && view->extent(1) < (vocab_.count + 31) / 32) {
      found().add("allow_mask", view->shape_text(), "must have at least ceil(vocab / 32) words a row");
    }
    if (rows_.kind == Extent::kExact && a_.mask_row == nullptr && view->extent(0) < rows_.count) {
      found().add("allow_mask", view->shape_text(), "must have a row for each of logits, or mask_row be given");
    }
  }

  void filters() {
    array("filters", t_.filters, a_.filters, {rows_});
    fllm_sequence_table& table = a_.sequences;
    Extent slots = kAny;
    if (const auto view = array("sequence_tokens", t_.sequence_tokens, table.tokens, {kAny, kAny})) {
      slots = exactly(view->extent(0));
      table.slots = to_int32(view->extent(0));
      table.capacity = to_int32(view->extent(1));
    }
    array("sequence_lengths", t_.sequence_lengths, table.lengths, {slots});
    if (const auto view = array("mirostat_mu", t_.mirostat_mu, table.mirostat_mu, {slots})) {
      if (t_.sequence_tokens == nullptr && table.tokens == nullptr) table.slots = to_int32(view->extent(0));
    }
    array("word_offsets", t_.word_offsets, a_.word_offsets, {kAny});
    const auto ids = array("word_ids", t_.word_ids, a_.word_ids, {kAny});
    if (ids && ids->empty()) a_.word_offsets = nullptr;
    array("breaker_ids", t_.breaker_ids, a_.breaker_ids, {kAny});
  }

  void probabilities() {
    matrix("probabilities", t_.probabilities, a_.probabilities, a_.probabilities_stride, {rows_, vocab_});
  }

  void workspace() {
    const std::optional<TensorView> view = open("workspace", t_.workspace);
    if (!view) return;
    view->require_compact(found());
    a_.workspace = view->data();
    a_.workspace_bytes = view->bytes();
  }

  const fllm_sample_tensors& t_;
  fllm_sample_args a_;
  Extent rows_ = kAny, rows_plus_one_ = kAny, vocab_ = kAny;  // of logits, once they are known
};

}  // namespace

void fill_from_tensors(const TensorDevice& device, const fllm_sample_tensors& tensors, fllm_sample_args& args) {
  args = Filler(device, tensors, args).fill();
}

}  // namespace fllm
