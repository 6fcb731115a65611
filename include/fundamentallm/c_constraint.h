// SPDX-License-Identifier: Apache-2.0
#pragma once

// NOLINTBEGIN(readability-identifier-naming,modernize-deprecated-headers): C's headers and C's style
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A grammar of the caller's own, which says at each token what may follow; fllm_request.constraint. A state is where one output
/// stands. The library forks it for each sample and works on the forks alone.
///
/// Errors. Each function but destroy gives NULL, or what went wrong as a text ended by 0, which is copied at once. In a step that ends
/// its sample as FLLM_FINISH_ERROR with this text in error_message; in fllm_generator_submit, FLLM_INVALID_ARGUMENT.
/// What it says is checked: banned ids, special tokens without text and ids beyond the vocabulary stay forbidden whatever a mask
/// allows, and end tokens are allowed exactly where may_end says so.
///
/// Threads. Called by the thread that is in fllm_generator_submit, step, wait, drain, take or destroy, one call at a time for a request;
/// states of different requests may be called at the same time. They may not call functions of the generator, and no exception or
/// longjmp may leave them.
typedef struct fllm_constraint {
  size_t struct_size;
  void* user;   ///< passed to every function; must last until the last state is destroyed
  void* state;  ///< of an empty output: forked in fllm_generator_submit, where the caller may free it afterwards
  /// mask: [word_count] words of zeros; sets bit i % 32 of word i / 32 where token i is allowed next, as text. The last word's
  /// bits beyond the vocabulary do not matter.
  const char* (*fill_mask)(void* user, void* state, uint32_t* mask, size_t word_count);
  /// Takes a token as text: *taken is 1; or leaves the state and *taken, which is 0, where it is not allowed.
  const char* (*advance)(void* user, void* state, int32_t token, int32_t* taken);
  /// Takes back the last token_count tokens, at most as many as it took.
  const char* (*rollback)(void* user, void* state, int32_t token_count);
  /// *may_end: 1 where the output may end here, otherwise left at 0.
  const char* (*may_end)(void* user, const void* state, int32_t* may_end);
  /// *forked: the same place, which goes its own way from here. Any pointer is a state, NULL too. On an error nothing is made.
  const char* (*fork)(void* user, const void* state, void** forked);
  /// Of each state that fork made, once.
  void (*destroy)(void* user, void* state);
} fllm_constraint;

#ifdef __cplusplus
}  // extern "C"
#endif
// NOLINTEND(readability-identifier-naming,modernize-deprecated-headers)
