# Debian's packages by find_package or pkg-config; the parts that the set-up fetched by imported targets over BALLOT_DEPS.
# The wheels' folders are written out by hand because find_package(Torch) of the wheel wants a CUDA toolkit.
if(NOT BALLOT_DEPS)
  if(DEFINED ENV{BALLOT_DEPS})
    set(BALLOT_DEPS $ENV{BALLOT_DEPS})
  else()
    execute_process(COMMAND ${CMAKE_SOURCE_DIR}/setup/deps_folder.sh OUTPUT_VARIABLE BALLOT_DEPS
                    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  endif()
endif()
set(BALLOT_DEPS ${BALLOT_DEPS} CACHE PATH "the folder of the fetched parts (setup/)" FORCE)
if(NOT EXISTS ${BALLOT_DEPS}/.stamp)
  message(FATAL_ERROR "The fetched parts are not complete in ${BALLOT_DEPS}. Run `make build`, or `make setup` alone, first.")
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)
find_package(Boost REQUIRED)  # headers only: Beast and Asio
find_package(yaml-cpp REQUIRED)
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp INTERFACE IMPORTED)
  set_property(TARGET yaml-cpp::yaml-cpp PROPERTY INTERFACE_LINK_LIBRARIES yaml-cpp)
endif()
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)

set(site ${BALLOT_DEPS}/site)
foreach(name arrow parquet)
  file(GLOB library ${site}/pyarrow/lib${name}.so.*)
  add_library(${name} SHARED IMPORTED)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${library})
  target_include_directories(${name} SYSTEM INTERFACE ${site}/pyarrow/include)
endforeach()
set_property(TARGET parquet PROPERTY INTERFACE_LINK_LIBRARIES arrow)

if(BALLOT_ENGINE)
  add_library(c10 SHARED IMPORTED)
  set_target_properties(c10 PROPERTIES IMPORTED_LOCATION ${site}/torch/lib/libc10.so)
  add_library(torch_cpu SHARED IMPORTED)
  set_target_properties(torch_cpu PROPERTIES IMPORTED_LOCATION ${site}/torch/lib/libtorch_cpu.so)
  target_include_directories(torch_cpu SYSTEM INTERFACE ${site}/torch/include ${site}/torch/include/torch/csrc/api/include)
  # libtorch's own OpenMP runtime: at::parallel_for is a template of its headers, and without the compiler's flag it is a
  # plain loop on one thread, without a word.
  add_library(torch_gomp SHARED IMPORTED)
  set_target_properties(torch_gomp PROPERTIES IMPORTED_LOCATION ${site}/torch/lib/libgomp.so.1)
  target_compile_options(torch_cpu INTERFACE -fopenmp)
  target_link_libraries(torch_cpu INTERFACE c10 torch_gomp)
  target_link_options(torch_cpu INTERFACE -Wl,-rpath-link,${site}/nvidia/cu13/lib)
endif()

include(${CMAKE_SOURCE_DIR}/bridge/bridge.cmake)  # the target ballot_bridge
