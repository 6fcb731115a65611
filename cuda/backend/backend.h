// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "cuda/kernels/attention_params.h"
#include "cuda/kernels/beam_params.h"
#include "cuda/kernels/commit_params.h"
#include "cuda/kernels/draft_loop_params.h"
#include "cuda/kernels/draft_params.h"
#include "cuda/kernels/history_params.h"
#include "cuda/kernels/model_params.h"
#include "cuda/kernels/quantized_params.h"
#include "cuda/kernels/sample_params.h"
#include "cuda/kernels/shard_params.h"

namespace fllm {

/// A weight matrix in the layout its backend multiplies fastest. Made by Backend::make_linear, read by linear.
class LinearWeight {
 public:
  virtual ~LinearWeight() = default;
  [[nodiscard]] std::int32_t in_features() const { return in_; }
  [[nodiscard]] std::int32_t out_features() const { return out_; }
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }  // of the elements, as they are kept

 protected:
  LinearWeight(std::int32_t out, std::int32_t in, std::int64_t bytes) : out_(out), in_(in), bytes_(bytes) {}

 private:
  std::int32_t out_, in_;
  std::int64_t bytes_;
};

/// A weight matrix as a file has it: row after row, each in / elements blocks of its type.
struct QuantizedMatrix {
  QuantizedType type = QuantizedType::kQ8_0;
  std::span<const std::byte> blocks;
  std::int32_t out = 0;
  std::int32_t in = 0;  // a multiple of quantized_block(type).elements
};

/// The elements of blocks as fp32, exactly as GGML's reference code makes them (dequantize_row_* in ggml/src/ggml-quants.c):
/// every product and sum is rounded to fp32, none is fused. Precondition: out.size() elements are whole blocks of the type,
/// which is one, and blocks holds just those.
void expand_blocks(QuantizedType type, std::span<const std::byte> blocks, std::span<float> out);

/// A weight matrix of 16-bit elements, [out, in], row-major.
struct HalfMatrix {
  FloatType type = FloatType::kFloat16;
  std::span<const std::uint16_t> elements;
  std::int32_t out = 0;
  std::int32_t in = 0;
};

/// y = x W^T, then the epilogue. With a weight of 16 bits x is what `half` holds and products are added up in fp32.
struct LinearParams {
  RowView<const float> x;                // [rows, in]
  const LinearWeight* weight = nullptr;  // [out, in]
  const float* bias = nullptr;           // [out] or null
  Epilogue epilogue = Epilogue::kBias;
  RowView<float> out;     // [rows, out]; may not overlap x
  HalfRows half = {};     // x in the weight's type: for weights of 16 bits alone
  HalfRows rounded = {};  // where an activation is wanted rounded, in place of out, which then holds the product
};

struct MemoryInfo {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
};

/// Operations that can be run again as they were. Made by Backend::record; what they read and write must outlive it.
class RecordedWork {
 public:
  virtual ~RecordedWork() = default;
  virtual void replay() = 0;  // enqueues them
};

/// How long a step of beam searches is repeated.
struct BeamLoop {
  const BeamSearch* searches = nullptr;  // [search_count], in the backend's memory
  std::int32_t search_count = 0;
  std::int32_t max_steps = 1;  // >= 1: the most of a replay
};

/// Memory that kernels write and the host reads meanwhile, without a copy. Nothing may be writing it when it goes.
class VisibleMemory {
 public:
  virtual ~VisibleMemory() = default;
  [[nodiscard]] void* on_host() const { return on_host_; }
  [[nodiscard]] void* on_device() const { return on_device_; }

 protected:
  VisibleMemory(void* on_host, void* on_device) : on_host_(on_host), on_device_(on_device) {}

 private:
  void* on_host_;
  void* on_device_;
};

/// The machine that runs a step: memory and one call per step-level operation. Calls are enqueued in order; results are
/// there after synchronize(). Nothing is allocated inside an operation. One owner at a time.
/// Errors: Exception(kOutOfMemory) from allocate, Exception(kDeviceLost) from any call after a device fault.
class Backend {
 public:
  virtual ~Backend() = default;

  [[nodiscard]] virtual std::string description() const = 0;  // "cpu (2 threads, v4)"
  [[nodiscard]] virtual MemoryInfo memory() const = 0;

  /// 64-byte aligned, contents unspecified.
  [[nodiscard]] virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* memory) noexcept = 0;
  /// The host memory may be reused as soon as the call returns.
  virtual void upload(void* destination, const void* source, std::size_t bytes) = 0;
  /// The host memory is valid after synchronize().
  virtual void download(void* destination, const void* source, std::size_t bytes) = 0;
  virtual void synchronize() = 0;
  /// Whether all that was enqueued has ended. Waits for nothing.
  [[nodiscard]] virtual bool poll() = 0;

  /// 64-byte aligned, contents unspecified.
  [[nodiscard]] virtual std::unique_ptr<VisibleMemory> allocate_visible(std::size_t bytes) = 0;
  /// Whether replaying work costs the host less than enqueuing it: then few shapes should serve for many.
  [[nodiscard]] virtual bool replay_pays() const = 0;
  /// The operations that work enqueues, which are not run yet. They may not copy between host and device, and must have
  /// run once before, so that nothing is loaded or chosen while they are recorded.
  [[nodiscard]] virtual std::unique_ptr<RecordedWork> record(const std::function<void()>& work) = 0;

  /// Likewise for a step of beam searches: replaying runs it again and again until all of the loop's searches are over.
  [[nodiscard]] virtual std::unique_ptr<RecordedWork> record_beams(const std::function<void()>& step,
                                                                   const BeamLoop& loop) = 0;

  /// weight: [out, in], row-major, on the host.
  [[nodiscard]] virtual std::unique_ptr<LinearWeight> make_linear(std::span<const float> weight, std::int32_t out,
                                                                  std::int32_t in) = 0;
  /// The blocks may go when the call returns. The CPU keeps them as they are and multiplies them with x rounded to 15
  /// bits, a scale to 32 elements (QuantizeRows, QuantizedProduct); other backends expand them.
  /// Errors: Exception(kInvalidArgument) when the blocks do not fit the shape.
  [[nodiscard]] virtual std::unique_ptr<LinearWeight> make_linear(const QuantizedMatrix& weight) = 0;

  /// Whether weights and activations of 16 bits are multiplied here.
  [[nodiscard]] virtual bool has_half_products() const = 0;
  /// Errors: Exception(kUnsupported) where has_half_products() is false; kInvalidArgument when the size does not fit.
  [[nodiscard]] virtual std::unique_ptr<LinearWeight> make_linear(const HalfMatrix& weight) = 0;

  virtual void embed(const EmbedParams& params) = 0;
  virtual void rms_norm(const RmsNormParams& params) = 0;
  virtual void layer_norm(const LayerNormParams& params) = 0;
  virtual void linear(const LinearParams& params) = 0;
  virtual void rope(const RopeParams& params) = 0;
  virtual void swiglu(const SwiGluParams& params) = 0;
  virtual void kv_append(const KvAppendParams& params) = 0;
  /// Rows of AttentionParams::chunks that pay for launches of up to `rows` rows; 0 where none does.
  [[nodiscard]] virtual std::int32_t attention_chunk_rows(std::int32_t rows, const AttentionHeads& heads) const = 0;
  virtual void attention(const AttentionParams& params) = 0;
  virtual void gather_rows(const GatherRowsParams& params) = 0;
  virtual void copy_blocks(const CopyBlocksParams& params) = 0;

  /// Floats of SampleParams::scratch each row needs for this vocabulary; 0 when rows stay on chip.
  [[nodiscard]] virtual std::int64_t sample_scratch_elements(std::int32_t vocab, std::int32_t blocks_per_row) const = 0;
  virtual void sample(LogitType type, const SampleParams& params) = 0;
  virtual void sample_shard(LogitType type, const ShardParams& params) = 0;
  /// Floats of ResolveDraftsParams::scratch each row needs for this vocabulary; 0 when rows stay on chip.
  [[nodiscard]] virtual std::int64_t resolve_scratch_elements(std::int32_t vocab,
                                                              std::int32_t blocks_per_row) const = 0;
  /// Which drafts are accepted, and what comes after them. type: of the target's logits and the draft's.
  virtual void resolve_drafts(LogitType type, const ResolveDraftsParams& params) = 0;
  /// The drafts that were just drawn, in a step that drafts by itself, or those from the texts; then what the step has come to.
  virtual void extend_drafts(const DraftLoopParams& params) = 0;
  virtual void propose_drafts(const DraftLoopParams& params) = 0;
  virtual void commit_drafts(const DraftLoopParams& params) = 0;
  virtual void history_append(const HistoryAppendParams& params) = 0;
  virtual void commit_rows(const CommitRowsParams& params) = 0;

  // A step of beam searches, in this order.
  virtual void beam_candidates(LogitType type, const BeamCandidatesParams& params) = 0;
  virtual void beam_select(const BeamParams& params) = 0;
  virtual void beam_ancestors(const BeamParams& params) = 0;
};

constexpr std::int32_t kMaxCpuThreads = 1024;

struct BackendOptions {
  std::string device = "auto";  // auto | cpu | cuda | cuda:N
  std::int32_t threads = 0;     // CPU workers, at most kMaxCpuThreads; 0: one per core
};

/// Picks by option, then by device presence. Exception(kInvalidArgument) for an unknown name, Exception(kUnsupported)
/// with the reason where CUDA is asked for and absent.
[[nodiscard]] std::unique_ptr<Backend> make_backend(const BackendOptions& options);

/// Memory of a backend, released with it. Move-only.
template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  DeviceArray(Backend& backend, std::size_t count)
      : backend_(&backend), data_(static_cast<T*>(backend.allocate(count * sizeof(T)))), count_(count) {}
  DeviceArray(DeviceArray&& other) noexcept { swap(other); }
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    DeviceArray(std::move(other)).swap(*this);
    return *this;
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() {
    if (data_ != nullptr) backend_->release(data_);
  }
  void swap(DeviceArray& other) noexcept {
    std::swap(backend_, other.backend_);
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
  }
  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return count_; }
  /// Copies values to the front, or behind `first` others. Precondition: first + values.size() <= size().
  void upload(std::span<const T> values, std::size_t first = 0) {
    if (!values.empty()) backend_->upload(data_ + first, values.data(), values.size_bytes());
  }

 private:
  Backend* backend_ = nullptr;
  T* data_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace fllm
