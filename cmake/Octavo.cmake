# The packages that Octavo stands on, and the functions by which a folder says what it builds.

find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)  # CMake's own module, before gRPC, whose config expects its targets
find_package(gRPC CONFIG REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Flatbuffers CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(ftxui CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(GTest CONFIG REQUIRED)
find_package(benchmark CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(LIBARCHIVE REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(SPNG REQUIRED IMPORTED_TARGET spng)
# Debian's XNNPACK and pthreadpool have neither a pkg-config file nor a CMake config.
find_library(XNNPACK_LIBRARY XNNPACK REQUIRED)
find_library(PTHREADPOOL_LIBRARY pthreadpool REQUIRED)
# Its pkg-config file asks for half of Abseil's, which takes seconds.
find_library(RE2_LIBRARY re2 REQUIRED)
# Debian's Abseil ships this library without a CMake target.
find_library(ABSL_STATUS_MATCHERS absl_status_matchers REQUIRED)
find_program(FLATC flatc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
find_program(CCACHE ccache)
if(CCACHE)
  # Paths are relative to the checkout, so that every clone and every build folder shares what one of them compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      ${CCACHE})
endif()

add_library(octavo_options INTERFACE)
target_compile_features(octavo_options INTERFACE cxx_std_20)
# A designated initializer that leaves members out means their defaults.
target_compile_options(octavo_options INTERFACE -Wall -Wextra -Wno-missing-field-initializers)
target_include_directories(octavo_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
if(OCTAVO_WERROR)
  target_compile_options(octavo_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(octavo_options INTERFACE -Wthread-safety)
  # The distribution's Abseil is g++'s; clang 18 began to mangle a constrained constructor (absl::Cord's) another way.
  add_compile_options(-fclang-abi-compat=17)
endif()
if(OCTAVO_SANITIZE)
  # Flags of a target would miss the generated code; a sanitizer is for the whole build.
  add_compile_options(-fsanitize=${OCTAVO_SANITIZE} -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${OCTAVO_SANITIZE})
endif()

# octavo_library(name SOURCES a.cc... PUBLIC targets... PRIVATE targets...): adds octavo::name.
# Without sources, a library of headers.
function(octavo_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC;PRIVATE")
  if(arg_SOURCES)
    add_library(octavo_${name} STATIC ${arg_SOURCES})
    target_link_libraries(octavo_${name} PUBLIC octavo_options ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  else()
    add_library(octavo_${name} INTERFACE)
    target_link_libraries(octavo_${name} INTERFACE octavo_options ${arg_PUBLIC})
  endif()
  add_library(octavo::${name} ALIAS octavo_${name})
endfunction()

# octavo_program(name SOURCES main.cc... PRIVATE targets...): build/PRESET/bin/name.
function(octavo_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PRIVATE")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE octavo_options ${arg_PRIVATE})
endfunction()

# octavo_test(name SOURCES a_test.cc... PRIVATE targets...): one program a folder, because linking is what takes
# long; run as one ctest test, with data below OCTAVO_TEST_DATA. THREADS: also run under the thread sanitizer,
# but for the tests of NOT_UNDER_TSAN (docs/decisions says why not).
# TIMEOUT: seconds, 300 unless said; of the long form and the sanitizers.
function(octavo_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "THREADS" "TIMEOUT" "SOURCES;PRIVATE;NOT_UNDER_TSAN")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE octavo_options ${arg_PRIVATE} GTest::gmock_main GTest::gmock GTest::gtest
                                        ${ABSL_STATUS_MATCHERS} absl::status absl::statusor absl::strings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  # What tests is not what is tested: half of a build's time would go into optimizing it.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0>)
  add_test(NAME ${name} COMMAND ${name})
  if(arg_THREADS)
    set_tests_properties(${name} PROPERTIES LABELS tsan)
    add_dependencies(tsan_tests ${name})
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set(environment OCTAVO_TEST_DATA=${PROJECT_SOURCE_DIR}/tests/data OCTAVO_BIN=${PROJECT_BINARY_DIR}/bin)
  if(OCTAVO_SANITIZE STREQUAL "thread")
    # The distribution's libraries were built without it: what only they do is not looked at, and of their locks it is told.
    target_link_libraries(${name} PRIVATE octavo_tsan_mutex)
    list(APPEND environment TSAN_OPTIONS=ignore_noninstrumented_modules=1)
    if(arg_NOT_UNDER_TSAN)
      list(JOIN arg_NOT_UNDER_TSAN ":" left_out)
      list(APPEND environment GTEST_FILTER=-${left_out})
    endif()
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${environment}")
endfunction()

add_custom_target(fuzz_targets)  # every fuzz target
add_custom_target(tsan_tests)    # every test with threads of its own

# octavo_fuzz_target(name SOURCES a_fuzz.cc... PRIVATE targets...): a libFuzzer program in build/PRESET/fuzz/, with its
# corpus in tests/fuzz/corpus/NAME. Only where OCTAVO_FUZZ is set.
function(octavo_fuzz_target name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PRIVATE")
  if(OCTAVO_FUZZ)
    add_executable(${name} ${arg_SOURCES})
    add_dependencies(fuzz_targets ${name})
    target_link_libraries(${name} PRIVATE octavo_options ${arg_PRIVATE})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
  endif()
endfunction()
