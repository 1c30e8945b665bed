# The target ballot_bridge: the Rust crate as a static library. Only the room `text` links it, since everything that does
# waits for cargo. The library and what it is built from lie in the cache (build.sh).
set(bridge_library ${CMAKE_BINARY_DIR}/bridge/libballot_bridge.a)
file(GLOB_RECURSE bridge_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/src/*)
add_custom_command(
  OUTPUT ${bridge_library}
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/build.sh ${bridge_library}
  DEPENDS ${bridge_sources} ${CMAKE_CURRENT_LIST_DIR}/Cargo.toml ${CMAKE_CURRENT_LIST_DIR}/Cargo.lock
          ${CMAKE_CURRENT_LIST_DIR}/build.sh
  COMMENT "Building the Rust bridge with cargo (four minutes of processor time, once)"
  VERBATIM)
add_custom_target(ballot_bridge_library DEPENDS ${bridge_library})

find_package(Threads REQUIRED)
add_library(ballot_bridge STATIC IMPORTED GLOBAL)
set_target_properties(ballot_bridge PROPERTIES IMPORTED_LOCATION ${bridge_library})
target_include_directories(ballot_bridge INTERFACE ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(ballot_bridge INTERFACE Threads::Threads ${CMAKE_DL_LIBS} m)
add_dependencies(ballot_bridge ballot_bridge_library)
