# SPDX-License-Identifier: Apache-2.0
# Decides whether the CUDA backend is built: sets FLLM_WITH_CUDA.

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
