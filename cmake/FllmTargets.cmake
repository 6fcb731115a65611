# SPDX-License-Identifier: Apache-2.0
# Compiler settings of every target, and the functions that make one.

find_program(FLLM_CCACHE ccache)
if(FLLM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${FLLM_CCACHE}")
  set(CMAKE_CUDA_COMPILER_LAUNCHER "${FLLM_CCACHE}")
endif()

find_package(Threads REQUIRED)

# A null pointer stops a program under the address sanitizer anyway, and object-size sees nothing in what is not optimised: a tenth of
# the compilation.
set(FLLM_SANITIZERS -fsanitize=address,undefined -fno-sanitize=null,object-size -fno-sanitize-recover=undefined)

add_library(fllm_flags INTERFACE)
# CMake 3.25 does not know C++20 for nvcc 13, hence the flag.
target_compile_options(fllm_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-std=c++20 -ffp-contract=off -Wall -Wextra -Wno-unknown-pragmas>
  $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20 -fmad=false -lineinfo -Xcompiler=-ffp-contract=off>
  $<$<AND:$<BOOL:${FLLM_WERROR}>,$<COMPILE_LANGUAGE:CXX>>:-Werror>
  $<$<AND:$<BOOL:${FLLM_SANITIZE}>,$<COMPILE_LANGUAGE:CXX>>:${FLLM_SANITIZERS} -fno-omit-frame-pointer>)
target_compile_definitions(fllm_flags INTERFACE "$<$<BOOL:${FLLM_SANITIZE}>:FLLM_SANITIZED;FLLM_PLAIN_INLINE>")
target_link_options(fllm_flags INTERFACE $<$<BOOL:${FLLM_SANITIZE}>:-fsanitize=address,undefined>)
if(FLLM_SANITIZE)
  include(CheckLinkerFlag)
  check_linker_flag(CXX -fuse-ld=lld FLLM_HAS_LLD)  # links these programs in a fourth of the time
  target_link_options(fllm_flags INTERFACE $<$<BOOL:${FLLM_HAS_LLD}>:-fuse-ld=lld>)
endif()
target_include_directories(fllm_flags INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>)

# fllm_fuzzed(TARGET): it reads files or requests of others: with FLLM_FUZZ, fuzzers see the way an input takes through it.
function(fllm_fuzzed target)
  target_compile_options(${target} PRIVATE $<$<BOOL:${FLLM_FUZZ}>:-fsanitize=fuzzer-no-link>)
endfunction()

# fllm_objects(NAME SOURCES ... [LINK ...]): a part of the library. Parts are joined in host/CMakeLists.txt.
function(fllm_objects name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} OBJECT ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_link_libraries(${name} PUBLIC fllm_flags Threads::Threads ${ARG_LINK})
  set_property(GLOBAL APPEND PROPERTY FLLM_PARTS ${name})
endfunction()

# fllm_precompile(TARGET [OPTION...]): the headers of nearly all tests are compiled once for all targets with the same options, where sources
# come in batches anyway: a compiler cache does not keep what is compiled so.
function(fllm_precompile target)
  if(NOT CMAKE_UNITY_BUILD)
    return()
  endif()
  string(MAKE_C_IDENTIFIER "fllm_test_headers${ARGN}" headers)
  if(NOT TARGET ${headers})
    file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/generated/empty.cpp" CONTENT "")
    add_library(${headers} OBJECT "${PROJECT_BINARY_DIR}/generated/empty.cpp")
    target_link_libraries(${headers} PRIVATE fllm_flags GTest::gtest GTest::gmock)
    target_compile_options(${headers} PRIVATE ${ARGN})
    target_precompile_headers(${headers} PRIVATE
      <gmock/gmock.h> <gtest/gtest.h> <algorithm> <cmath> <cstdint> <cstring> <filesystem> <fstream> <functional> <map> <memory> <random> <span> <string> <vector>)
  endif()
  target_precompile_headers(${target} REUSE_FROM ${headers})
endfunction()

# fllm_is_left_out(RESULT ANY_BUILD): whether the next test program, in the order in which they are defined, belongs to the other half of
# FLLM_TEST_HALF. Optimised builds leave none out but those with ANY_BUILD.
function(fllm_is_left_out result any_build)
  get_property(turn GLOBAL PROPERTY FLLM_TEST_TURN)
  math(EXPR next "(0${turn} + 1) % 2")
  set_property(GLOBAL PROPERTY FLLM_TEST_TURN ${next})
  set(${result} OFF PARENT_SCOPE)
  if((any_build OR FLLM_SANITIZE) AND NOT FLLM_TEST_HALF STREQUAL "" AND NOT next EQUAL FLLM_TEST_HALF)
    set(${result} ON PARENT_SCOPE)
  endif()
endfunction()

# fllm_test(NAME SOURCES ... [LINK ...] [DEFINITIONS ...] [LABELS ...] [TIMEOUT s] [FIXTURE NAME] [COMPUTES] [ANY_BUILD] [OPTIMISED]): a GoogleTest
# program over the whole library. Assertions are compiled once and run once, so nothing is optimised but where the sources compute much
# themselves. ANY_BUILD: an optimised build shows nothing that a sanitized one does not. OPTIMISED: never sanitized.
function(fllm_test name)
  cmake_parse_arguments(ARG "COMPUTES;ANY_BUILD;OPTIMISED" "TIMEOUT;FIXTURE" "SOURCES;LINK;DEFINITIONS;LABELS" ${ARGN})
  fllm_is_left_out(left_out ${ARG_ANY_BUILD})
  if(left_out OR (ARG_OPTIMISED AND FLLM_SANITIZE))
    return()
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE fllm_internal fllm_test_support GTest::gtest_main GTest::gmock ${ARG_LINK})
  set(options -O0)
  if(ARG_COMPUTES)
    set(options -O1)
  endif()
  target_compile_options(${name} PRIVATE ${options})
  target_compile_definitions(${name} PRIVATE ${ARG_DEFINITIONS})
  fllm_precompile(${name} ${options})
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77
    FIXTURES_REQUIRED "${ARG_FIXTURE}")
endfunction()

# fllm_add_shards(NAME COUNT COMMAND ... PROPERTIES ... [ENVIRONMENT ...]): a GoogleTest program as the tests NAME, NAME.2 ... of a share of its
# cases each, so that a long one uses all cores.
function(fllm_add_shards name count)
  cmake_parse_arguments(ARG "" "" "COMMAND;PROPERTIES;ENVIRONMENT" ${ARGN})
  foreach(shard RANGE 1 ${count})
    set(test ${name}.${shard})
    if(shard EQUAL 1)
      set(test ${name})
    endif()
    math(EXPR index "${shard} - 1")
    add_test(NAME ${test} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${test} PROPERTIES ${ARG_PROPERTIES}
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${count};GTEST_SHARD_INDEX=${index};${ARG_ENVIRONMENT}")
  endforeach()
endfunction()
