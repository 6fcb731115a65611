// SPDX-License-Identifier: Apache-2.0
#pragma once

// NOLINTBEGIN(readability-identifier-naming,modernize-deprecated-headers): C's headers and C's style
#include "fundamentallm/c_api.h"

#ifdef __cplusplus
extern "C" {
#endif

// DLPack. fllm_dl_tensor is DLTensor where <dlpack/dlpack.h> was included before this header, and otherwise a structure of
// the same layout and member names; both orders compile, and pointers to one may be cast to the other.
#ifdef DLPACK_DLPACK_H_
typedef DLTensor fllm_dl_tensor;
#else
typedef struct fllm_dl_device {
  int32_t device_type;  ///< 1 CPU, 2 CUDA, 3 pinned host memory, 13 managed memory
  int32_t device_id;
} fllm_dl_device;
typedef struct fllm_dl_data_type {
  uint8_t code;  ///< 0 signed, 1 unsigned, 2 floating point, 4 bfloat16
  uint8_t bits;
  uint16_t lanes;
} fllm_dl_data_type;
typedef struct fllm_dl_tensor {
  void* data;
  fllm_dl_device device;
  int32_t ndim;
  fllm_dl_data_type dtype;
  int64_t* shape;        ///< [ndim]
  int64_t* strides;      ///< [ndim] in elements; NULL: compact
  uint64_t byte_offset;  ///< from data to the first element
} fllm_dl_tensor;
#endif

/// The arrays of fllm_sample_args as tensors, under the same names; NULL: left as args has it. Shapes are those stated
/// there, compact except for the row strides of logits, allow_mask and probabilities; a logits tensor of one dimension is one
/// row. Integers may be signed or unsigned. Structures are their 32-bit words, of any type: bias [entries, 2], details
/// [rows, 6], top [rows, top_count, 3], history_entries [slots, capacity, 2], filters [rows, 17].
typedef struct fllm_sample_tensors {
  size_t struct_size;
  const fllm_dl_tensor* logits;  ///< must be given: rows and vocab are its shape
  const fllm_dl_tensor* tokens;
  const fllm_dl_tensor* status;
  const fllm_dl_tensor* workspace;  ///< compact, of any type and shape
  const fllm_dl_tensor* temperature;
  const fllm_dl_tensor* top_k;
  const fllm_dl_tensor* top_p;
  const fllm_dl_tensor* min_p;
  const fllm_dl_tensor* repetition_penalty;
  const fllm_dl_tensor* frequency_penalty;
  const fllm_dl_tensor* presence_penalty;
  const fllm_dl_tensor* seed;
  const fllm_dl_tensor* position;
  const fllm_dl_tensor* sample_index;
  const fllm_dl_tensor* fallback_id;
  const fllm_dl_tensor* generated;
  const fllm_dl_tensor* min_tokens;
  const fllm_dl_tensor* allow_mask;
  const fllm_dl_tensor* mask_row;
  const fllm_dl_tensor* ban_ids;
  const fllm_dl_tensor* ban_offsets;
  const fllm_dl_tensor* end_id_offsets;
  const fllm_dl_tensor* bias;
  const fllm_dl_tensor* bias_offsets;
  const fllm_dl_tensor* history_entries;
  const fllm_dl_tensor* history_sizes;
  const fllm_dl_tensor* history_slot;
  const fllm_dl_tensor* uniforms;
  const fllm_dl_tensor* details;
  const fllm_dl_tensor* top;
  const fllm_dl_tensor* probabilities;
  const fllm_dl_tensor* filters;
  const fllm_dl_tensor* sequence_tokens;
  const fllm_dl_tensor* sequence_lengths;
  const fllm_dl_tensor* mirostat_mu;
  const fllm_dl_tensor* word_offsets;
  const fllm_dl_tensor* word_ids;
  const fllm_dl_tensor* breaker_ids;
} fllm_sample_tensors;

/// Checks device, type, shape and strides of every tensor and fills in the fields of args they stand for, sizes, strides and
/// types included; the others stay. args->struct_size must be set. Nothing is enqueued and no tensor's data is read.
/// Errors: FLLM_INVALID_ARGUMENT with every violation, each beginning with the tensor's name; args is then untouched.
FLLM_API fllm_status fllm_sample_args_from_dl(const fllm_sampler* sampler, const fllm_sample_tensors* tensors,
                                              fllm_sample_args* args);

/// fllm_sample_args_from_dl on a copy of args (NULL: all defaults), then fllm_sample.
FLLM_API fllm_status fllm_sample_dl(fllm_sampler* sampler, const fllm_sample_tensors* tensors,
                                    const fllm_sample_args* args, void* stream);

/// The arrays of fllm_history_append_args as tensors, under the same names and with the rules of fllm_sample_tensors.
typedef struct fllm_history_append_tensors {
  size_t struct_size;
  const fllm_dl_tensor* history_entries;
  const fllm_dl_tensor* history_sizes;
  const fllm_dl_tensor* ids;         ///< must be given; without id_offsets, rows is its shape
  const fllm_dl_tensor* id_offsets;  ///< [rows + 1]
  const fllm_dl_tensor* slots;
  const fllm_dl_tensor* are_outputs;
  const fllm_dl_tensor* status;
} fllm_history_append_tensors;

/// fllm_sample_args_from_dl for fllm_history_append.
FLLM_API fllm_status fllm_history_append_args_from_dl(const fllm_sampler* sampler,
                                                      const fllm_history_append_tensors* tensors,
                                                      fllm_history_append_args* args);

/// fllm_history_append_args_from_dl on a copy of args, which gives the vocabulary, then fllm_history_append.
FLLM_API fllm_status fllm_history_append_dl(fllm_sampler* sampler, const fllm_history_append_tensors* tensors,
                                            const fllm_history_append_args* args, void* stream);

#ifdef __cplusplus
}  // extern "C"
#endif
// NOLINTEND(readability-identifier-naming,modernize-deprecated-headers)
