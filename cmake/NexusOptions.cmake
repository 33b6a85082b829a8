# Build options, warnings, sanitizers, ccache and the linker: one place, applied to every target of ours.
option(NEXUS_TESTS "Build the test programs" ON)
option(NEXUS_FUZZ "Build the fuzz targets (clang)" OFF)
option(NEXUS_BENCH "Build the benchmarks" OFF)
option(NEXUS_PCH "Use the precompiled header" ON)
set(NEXUS_SANITIZE "" CACHE STRING "asan (with ubsan), tsan or empty")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(NEXUS_CCACHE ccache)
if(NEXUS_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${NEXUS_CCACHE})
endif()
find_program(NEXUS_MOLD mold)
if(NEXUS_MOLD AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=mold)
elseif(NEXUS_MOLD)
  add_link_options(-fuse-ld=${NEXUS_MOLD})
endif()

add_library(nexus_warnings INTERFACE)
target_compile_options(nexus_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
  -Wno-missing-field-initializers)        # designated initialisers name only what differs
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these where nothing is wrong (std::function in std::variant, std::string concatenation).
  target_compile_options(nexus_warnings INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
    -Wno-array-bounds -Wno-stringop-overread -Wno-dangling-pointer
    -Wno-subobject-linkage)                # unity builds: an anonymous type of a joined file is not in a header
  add_compile_options(-fpch-preprocess)
endif()

add_compile_definitions(BOOST_ASIO_DISABLE_CONCEPTS BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_BEAST_SEPARATE_COMPILATION SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)
if(NEXUS_SANITIZE STREQUAL "asan")
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
elseif(NEXUS_SANITIZE STREQUAL "tsan")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  add_link_options(-fsanitize=thread)
endif()
if(NEXUS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # the fuzzer sees coverage inside the rooms, not only in its targets
endif()
