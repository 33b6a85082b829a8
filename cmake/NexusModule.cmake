# nexus_module(name [DEPS rooms...] [LIBS libraries...])
#   A room: every *.cpp of this folder becomes the library nexus_<name>; every *_test.cpp becomes <name>_tests.
#   DEPS are rooms this one may use (tools/check_includes holds the includes to the same rule).
function(nexus_module name)
  cmake_parse_arguments(M "" "" "DEPS;LIBS;TEST_LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(TRANSFORM M_DEPS PREPEND nexus_)
  add_library(nexus_${name} STATIC ${sources})
  target_include_directories(nexus_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(nexus_${name} PUBLIC ${M_DEPS} ${M_LIBS} PRIVATE nexus_warnings)
  nexus_use_pch(nexus_${name})
  if(NEXUS_TESTS AND tests)
    add_executable(${name}_tests ${tests})
    target_link_libraries(${name}_tests PRIVATE nexus_${name} nexus_warnings ${M_TEST_LIBS} GTest::gmock_main)
    nexus_use_pch(${name}_tests)
    nexus_test_program(${name}_tests)
    # ccache makes __FILE__ relative to the build tree; from there it names the source again.
    add_test(NAME ${name} COMMAND ${name}_tests WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
    set_tests_properties(${name} PROPERTIES TIMEOUT 300)
  endif()
endfunction()

# The header every file pays for otherwise: std, Boost.JSON and fmt; never Asio or Beast.
function(nexus_use_pch target)
  if(NEXUS_PCH)
    target_precompile_headers(${target} REUSE_FROM nexus_pch)
    target_link_libraries(${target} PRIVATE nexus_pch_flags)
  endif()
endfunction()

# A program of tests: each file by itself, for their helpers share names. Under the sanitizers undefined behaviour is
# looked for in the product alone; in the tests' own lines the check costs a third of the time they take to compile.
function(nexus_test_program target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  if(NEXUS_SANITIZE STREQUAL "asan")
    target_compile_options(${target} PRIVATE -fno-sanitize=undefined)
  endif()
endfunction()
