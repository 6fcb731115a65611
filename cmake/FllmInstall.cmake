# SPDX-License-Identifier: Apache-2.0
# Installs the library with its headers, and how others find it: a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)

# Where the packages of what the parts link come from. A static library passes them on to whoever links it; an entry that is
# missing here stops the configuration instead of failing in a stranger's build.
#   link item | package of find_package, empty: none needed | words for pkg-config's Libs.private
set(FLLM_EXTERNALS
  "Threads::Threads|Threads|-pthread"
  "fmt::fmt|fmt|-lfmt"
  "LibZip::LibZip|LibZip|-lzip"
  "yaml-cpp|yaml-cpp|-lyaml-cpp"
  "Pcre2::Pcre2|Pcre2|-lpcre2-8"
  "CUDA::cudart|CUDAToolkit|-L${CUDAToolkit_LIBRARY_DIR} -lcudart"
  "CUDA::cudart_static|CUDAToolkit|-L${CUDAToolkit_LIBRARY_DIR} -lcudart_static -lrt -ldl"
  "dl||-ldl")
# What an installation of the sampler alone declares.
set(FLLM_SAMPLER_HEADERS c_api.h c_tensors.h export.h result.h sampler.h)
# Headers alone: nothing to pass on.
set(FLLM_HEADER_ONLY nlohmann_json::nlohmann_json CUDA::toolkit)

# What a target links, with the project's own interface targets and parts replaced by what they link.
function(fllm_externals_of target result)
  set(found "")
  foreach(property IN ITEMS LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
    get_target_property(items ${target} ${property})
    foreach(item IN LISTS items)
      if(item MATCHES "-NOTFOUND$" OR item MATCHES "^\\$<")
        continue()
      elseif(item MATCHES "^fllm_")
        fllm_externals_of(${item} inner)
        list(APPEND found ${inner})
      else()
        list(APPEND found ${item})
      endif()
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES found)
  set(${result} "${found}" PARENT_SCOPE)
endfunction()

get_property(parts GLOBAL PROPERTY FLLM_PARTS)
set(FLLM_FIND_DEPENDENCIES "")
set(FLLM_LIBS_PRIVATE "")
set(links "")
foreach(part IN LISTS parts)
  fllm_externals_of(${part} externals)
  list(APPEND links ${externals})
endforeach()
list(REMOVE_DUPLICATES links)
list(REMOVE_ITEM links ${FLLM_HEADER_ONLY})
foreach(link IN LISTS links)
  set(entries "${FLLM_EXTERNALS}")
  string(REPLACE "+" "\\+" pattern "${link}")
  list(FILTER entries INCLUDE REGEX "^${pattern}\\|")
  if(NOT entries)
    message(FATAL_ERROR "The library links ${link}: say in cmake/FllmInstall.cmake where its users find it")
  endif()
  string(REGEX MATCH "^[^|]*\\|([^|]*)\\|(.*)$" matched "${entries}")
  set(package "${CMAKE_MATCH_1}")
  string(APPEND FLLM_LIBS_PRIVATE " ${CMAKE_MATCH_2}")
  if(package)
    string(APPEND FLLM_FIND_DEPENDENCIES "find_dependency(${package})\n")
  endif()
endforeach()

get_target_property(type fundamentallm TYPE)
if(type STREQUAL "STATIC_LIBRARY")
  # Without a loader that knows what the archive needs, its users must link it.
  foreach(link IN LISTS links)
    target_link_libraries(fundamentallm INTERFACE $<INSTALL_INTERFACE:$<LINK_ONLY:${link}>>)
  endforeach()
  # The C++ run-time library too, where C does the linking.
  set(runtime "${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES}")
  list(FILTER runtime INCLUDE REGEX "^(stdc\\+\\+|c\\+\\+|c\\+\\+abi|m)$")
  list(REMOVE_DUPLICATES runtime)
  foreach(library IN LISTS runtime)
    target_link_libraries(fundamentallm INTERFACE "$<INSTALL_INTERFACE:$<$<LINK_LANGUAGE:C>:${library}>>")
    string(APPEND FLLM_LIBS_PRIVATE " -l${library}")
  endforeach()
else()
  set(FLLM_FIND_DEPENDENCIES "")
endif()
target_compile_features(fundamentallm INTERFACE cxx_std_20)
# Before 1.0 a minor version may change the interface, so it is part of the library's name.
set_target_properties(fundamentallm PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/fundamentallm")
install(TARGETS fundamentallm EXPORT fundamentallm-targets)
if(FLLM_SAMPLER_ONLY)
  list(TRANSFORM FLLM_SAMPLER_HEADERS PREPEND include/fundamentallm/)
  install(FILES ${FLLM_SAMPLER_HEADERS} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/fundamentallm")
else()
  install(DIRECTORY include/fundamentallm DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
endif()
install(FILES "${PROJECT_BINARY_DIR}/generated/fundamentallm/version.h" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/fundamentallm")
install(EXPORT fundamentallm-targets NAMESPACE fundamentallm:: DESTINATION "${package_folder}")
configure_package_config_file(cmake/fundamentallm-config.cmake.in "${PROJECT_BINARY_DIR}/fundamentallm-config.cmake"
  INSTALL_DESTINATION "${package_folder}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/fundamentallm-config-version.cmake" COMPATIBILITY SameMinorVersion)
configure_file(cmake/fundamentallm.pc.in "${PROJECT_BINARY_DIR}/fundamentallm.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/fundamentallm-config.cmake" "${PROJECT_BINARY_DIR}/fundamentallm-config-version.cmake"
  DESTINATION "${package_folder}")
foreach(package IN ITEMS LibZip Pcre2)
  if(FLLM_FIND_DEPENDENCIES MATCHES "${package}")
    install(FILES cmake/Find${package}.cmake DESTINATION "${package_folder}")
  endif()
endforeach()
install(FILES "${PROJECT_BINARY_DIR}/fundamentallm.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(FILES LICENSE README.md CHANGELOG.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
