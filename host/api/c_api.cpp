// SPDX-License-Identifier: Apache-2.0
#include "fundamentallm/c_api.h"

#include <memory>
#include <string>

#include "cuda/backend/backend.h"
#include "cuda/backend/sampler_backend.h"
#include "fundamentallm/version.h"
#include "host/api/append_tensors.h"
#include "host/api/c_guard.h"
#include "host/api/c_struct.h"
#include "host/api/sample_args.h"
#include "host/api/sample_tensors.h"

using namespace fllm;

struct fllm_sampler {
  TensorDevice device;
  std::unique_ptr<SamplerBackend> backend;
  std::string description;
};

namespace {

template <class T>
T& given(T* pointer, const char* name) {
  if (pointer == nullptr) throw Exception(ErrorCode::kInvalidArgument, std::string(name) + ": NULL: must be given");
  return *pointer;
}

void check_options(const fllm_sampler_options& options) {
  Violations found;
  const bool cuda = options.device_type == FLLM_DEVICE_CUDA;
  found.require(cuda || options.device_type == FLLM_DEVICE_CPU, "device_type", options.device_type,
                "must be 1 (FLLM_DEVICE_CPU) or 2 (FLLM_DEVICE_CUDA)");
  found.require(cuda ? options.device_index >= 0 : options.device_index == 0, "device_index", options.device_index,
                cuda ? "must be at least 0" : "must be 0 on the CPU");
  found.require(options.threads >= 0 && options.threads <= (cuda ? 0 : kMaxCpuThreads), "threads", options.threads,
                cuda ? "must be 0 on CUDA" : "must be in [0, 1024] (0 is one per core)");
  found.require(options.reserved == 0, "reserved", options.reserved, "must be 0");
  refuse_violations(found.lines());
}

fllm_sample_args args_of_tensors(const fllm_sampler& sampler, const fllm_sample_tensors* tensors,
                                 fllm_sample_args args) {
  fill_from_tensors(sampler.device, read_struct(tensors, "fllm_sample_tensors"), args);
  return args;
}

fllm_history_append_args args_of_tensors(const fllm_sampler& sampler, const fllm_history_append_tensors* tensors,
                                         fllm_history_append_args args) {
  fill_from_tensors(sampler.device, read_struct(tensors, "fllm_history_append_tensors"), args);
  return args;
}

void sample(const fllm_sampler& sampler, const fllm_sample_args& args, void* stream) {
  const SampleCall call = check_sample_args(*sampler.backend, args);
  if (args.rows > 0) sampler.backend->sample(call.type, call.params, call.workspace, stream);
}

void append(const fllm_sampler& sampler, const fllm_history_append_args& args, void* stream) {
  const HistoryAppendParams params = check_history_args(args);
  if (params.rows > 0) sampler.backend->history_append(params, stream);
}

}  // namespace

const char* fllm_status_string(fllm_status status) {
  switch (status) {
    case FLLM_OK:
      return "ok";
    case FLLM_INVALID_ARGUMENT:
      return "invalid argument";
    case FLLM_UNSUPPORTED:
      return "unsupported";
    case FLLM_OUT_OF_MEMORY:
      return "out of memory";
    case FLLM_DEVICE_LOST:
      return "device lost";
    case FLLM_INTERNAL:
      return "internal error";
    case FLLM_NOT_FOUND:
      return "not found";
    case FLLM_BAD_FORMAT:
      return "bad format";
    case FLLM_CONTEXT_OVERFLOW:
      return "context overflow";
    case FLLM_EMPTY_SUPPORT:
      return "empty support";
    case FLLM_IO:
      return "input or output failed";
    case FLLM_STATUS_LAST:
      break;
  }
  return "unknown status";
}

const char* fllm_last_error(void) { return last_error(); }

const char* fllm_version(void) { return FLLM_VERSION; }

fllm_status fllm_sampler_create(const fllm_sampler_options* options, fllm_sampler** out) {
  if (out != nullptr) *out = nullptr;
  return c_guard([&] {
    given(out, "out");
    const fllm_sampler_options known = read_struct(options, "fllm_sampler_options");
    check_options(known);
    auto sampler = std::make_unique<fllm_sampler>();
    sampler->device = {known.device_type, known.device_index};
    sampler->backend =
        known.device_type == FLLM_DEVICE_CUDA ? make_cuda_sampler(known.device_index) : make_cpu_sampler(known.threads);
    sampler->description = sampler->backend->description();
    *out = sampler.release();
  });
}

void fllm_sampler_destroy(fllm_sampler* sampler) { delete sampler; }

const char* fllm_sampler_description(const fllm_sampler* sampler) {
  return sampler != nullptr ? sampler->description.c_str() : "";
}

fllm_status fllm_sampler_workspace_size(fllm_sampler* sampler, const fllm_sample_args* args, size_t* bytes) {
  return c_guard([&] {
    const SamplerBackend& backend = *given(sampler, "sampler").backend;
    given(bytes, "bytes") = backend.workspace_bytes(check_sample_size(read_struct(args, "fllm_sample_args")));
  });
}

fllm_status fllm_sample(fllm_sampler* sampler, const fllm_sample_args* args, void* stream) {
  return c_guard([&] { sample(given(sampler, "sampler"), read_struct(args, "fllm_sample_args"), stream); });
}

size_t fllm_shard_words(int32_t ranks, int32_t list_size) {
  const bool known = ranks >= 1 && ranks <= kMaxRanks && list_size >= 0 && list_size <= max_shard_list(ranks);
  return known ? static_cast<size_t>(shard_words(ranks, list_size)) : 0;
}

fllm_status fllm_sample_shard(fllm_sampler* sampler, const fllm_sample_args* args, const fllm_shard_args* shard,
                              void* stream) {
  return c_guard([&] {
    SamplerBackend& backend = *given(sampler, "sampler").backend;
    const ShardCall call =
        check_shard_args(backend, read_struct(args, "fllm_sample_args"), read_struct(shard, "fllm_shard_args"));
    if (call.params.sample.rows > 0) backend.sample_shard(call.type, call.params, call.workspace, stream);
  });
}

fllm_status fllm_history_append(fllm_sampler* sampler, const fllm_history_append_args* args, void* stream) {
  return c_guard([&] {
    const fllm_sampler& own = given(sampler, "sampler");
    append(own, read_struct(args, "fllm_history_append_args"), stream);
  });
}

fllm_status fllm_sample_args_from_dl(const fllm_sampler* sampler, const fllm_sample_tensors* tensors,
                                     fllm_sample_args* args) {
  return c_guard([&] {
    const fllm_sample_args known = read_struct(args, "fllm_sample_args");
    write_struct(args_of_tensors(given(sampler, "sampler"), tensors, known), args, "fllm_sample_args");
  });
}

fllm_status fllm_sample_dl(fllm_sampler* sampler, const fllm_sample_tensors* tensors, const fllm_sample_args* args,
                           void* stream) {
  return c_guard([&] {
    const fllm_sampler& own = given(sampler, "sampler");
    const fllm_sample_args known = args != nullptr ? read_struct(args, "fllm_sample_args") : fllm_sample_args{};
    sample(own, args_of_tensors(own, tensors, known), stream);
  });
}

fllm_status fllm_history_append_args_from_dl(const fllm_sampler* sampler, const fllm_history_append_tensors* tensors,
                                             fllm_history_append_args* args) {
  return c_guard([&] {
    const fllm_history_append_args known = read_struct(args, "fllm_history_append_args");
    write_struct(args_of_tensors(given(sampler, "sampler"), tensors, known), args, "fllm_history_append_args");
  });
}

fllm_status fllm_history_append_dl(fllm_sampler* sampler, const fllm_history_append_tensors* tensors,
                                   const fllm_history_append_args* args, void* stream) {
  return c_guard([&] {
    const fllm_sampler& own = given(sampler, "sampler");
    append(own, args_of_tensors(own, tensors, read_struct(args, "fllm_history_append_args")), stream);
  });
}
