# SPDX-License-Identifier: Apache-2.0
# Decides whether the CUDA backend is built: sets FLLM_WITH_CUDA, and the target fllm_cuda_libs the CUDA parts link.

set(FLLM_GPU_RUNNER "$ENV{FLLM_GPU_RUNNER}" CACHE STRING
  "Command put before each test labelled gpu: any program that supplies a CUDA runtime; empty: run them directly")
set(FLLM_GPU_CHECKER "$ENV{FLLM_GPU_CHECKER}" CACHE STRING
  "The same for kernel tests: one that also finds races and uninitialised reads; empty: FLLM_GPU_RUNNER")

if(NOT FLLM_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "FLLM_CUDA=${FLLM_CUDA}: AUTO, ON or OFF is allowed")
endif()
set(FLLM_WITH_CUDA OFF)
if(NOT FLLM_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)
    set(FLLM_WITH_CUDA ON)
  elseif(FLLM_CUDA STREQUAL "ON")
    message(FATAL_ERROR "FLLM_CUDA=ON, but no CUDA compiler was found (nvcc on PATH, or CUDACXX)")
  else()
    message(STATUS "No CUDA compiler found: building for the CPU only")
  endif()
endif()

if(FLLM_WITH_CUDA)
  # The runtime is linked statically unless CMAKE_CUDA_RUNTIME_LIBRARY says Shared: the program then starts, and falls back
  # to the CPU, on machines without any CUDA library. cuBLAS is loaded on first use for the same reason.
  add_library(fllm_cuda_libs INTERFACE)
  if(CMAKE_CUDA_RUNTIME_LIBRARY STREQUAL "Shared")
    target_link_libraries(fllm_cuda_libs INTERFACE CUDA::cudart)
  else()
    target_link_libraries(fllm_cuda_libs INTERFACE CUDA::cudart_static)
  endif()
  target_link_libraries(fllm_cuda_libs INTERFACE ${CMAKE_DL_LIBS})
endif()
