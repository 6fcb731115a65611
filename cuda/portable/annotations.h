// SPDX-License-Identifier: Apache-2.0
#pragma once

// The only place that asks which compiler reads a kernel.
//
// On the host every kernel function is inlined without exception: the serial kernels are compiled once per instruction
// set, and an out-of-line copy shared between those objects could carry instructions the machine lacks. Exempt are large
// templates over a Cta, FLLM_DEVICE_LARGE: the type of the instruction set is local to its object, and so are they.
// FLLM_PLAIN_INLINE, where one instruction set alone is compiled, leaves it to the compiler: a fourth of the work for one that
// has other things in mind than speed (the tests' fibers, the sanitizers).
// FLLM_DEVICE_RARE is out of line on a device too: what few launches need costs the others no registers. Arguments by value,
// since what a call may change does not stay in registers.
#if defined(__CUDACC__)
#define FLLM_DEVICE __device__ __forceinline__
#if defined(FLLM_OUT_OF_LINE)  // before the first include: kernels for which a call costs less than their compilation
#define FLLM_DEVICE_LARGE __device__ __noinline__
#else
#define FLLM_DEVICE_LARGE __device__ __forceinline__
#endif
#define FLLM_DEVICE_RARE __device__ __noinline__
#define FLLM_HOST_DEVICE __host__ __device__ __forceinline__
#define FLLM_UNROLL _Pragma("unroll")
#define FLLM_UNROLL_4 _Pragma("unroll 4")
#else
#if defined(FLLM_PLAIN_INLINE)
#define FLLM_DEVICE inline
#else
#define FLLM_DEVICE inline __attribute__((always_inline))
#endif
#define FLLM_DEVICE_LARGE __attribute__((noinline))
#define FLLM_DEVICE_RARE __attribute__((noinline))
#define FLLM_HOST_DEVICE FLLM_DEVICE
#define FLLM_UNROLL
#define FLLM_UNROLL_4
#endif
