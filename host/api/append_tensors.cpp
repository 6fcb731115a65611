// SPDX-License-Identifier: Apache-2.0
#include "host/api/append_tensors.h"

#include "host/api/tensor_fields.h"

namespace fllm {
namespace {

class AppendFiller : private TensorFields {
 public:
  AppendFiller(const TensorDevice& device, const fllm_history_append_tensors& tensors,
               const fllm_history_append_args& args)
      : TensorFields(device), t_(tensors), a_(args) {}

  fllm_history_append_args fill() {
    history_table(t_.history_entries, t_.history_sizes, a_.history);
    ids();
    const Extent rows = exactly(a_.rows);
    array("slots", t_.slots, a_.slots, {rows});
    array("are_outputs", t_.are_outputs, a_.are_outputs, {rows});
    array("status", t_.status, a_.status, {rows});
    refuse_violations(found().lines());
    return a_;
  }

 private:
  /// One id a row, or as many as the offsets say.
  void ids() {
    if (t_.ids == nullptr) found().add("ids", "NULL", "must be given");
    const auto ids = array("ids", t_.ids, a_.ids, {kAny});
    const auto offsets = array("id_offsets", t_.id_offsets, a_.id_offsets, {kAny});
    if (offsets && offsets->extent(0) == 0) {
      found().add("id_offsets", offsets->shape_text(), "must be [rows + 1]");
    } else if (offsets) {
      a_.rows = to_int32(offsets->extent(0) - 1);
      // A list without elements often has no address; no offset leads to it, so any will do.
      if (ids && ids->empty()) a_.ids = a_.id_offsets;
    } else if (ids && t_.id_offsets == nullptr) {
      a_.rows = to_int32(ids->extent(0));
    }
  }

  const fllm_history_append_tensors& t_;
  fllm_history_append_args a_;
};

}  // namespace

void fill_from_tensors(const TensorDevice& device, const fllm_history_append_tensors& tensors,
                       fllm_history_append_args& args) {
  args = AppendFiller(device, tensors, args).fill();
}

}  // namespace fllm
