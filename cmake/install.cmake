# `make install PREFIX=FOLDER`: a folder that can be moved as a whole, also to another machine of the same kind.
#
#   bin/ballot   lib/libballot_engine.so   share/ballot/studies
#   lib/ballot/          what the set-up fetched, in its own layout (models, task files, terms), the libraries without their headers
#   lib/ballot/system/   the distribution's libraries that the program links, the C and C++ run-time libraries aside
set(parts lib/ballot)
install(TARGETS ballot RUNTIME DESTINATION bin)
# The old kind of run path also holds for what the libraries need in their turn.
target_link_options(ballot PRIVATE -Wl,--disable-new-dtags)
set_target_properties(ballot PROPERTIES INSTALL_RPATH "$ORIGIN/../${parts}/site/pyarrow:$ORIGIN/../${parts}/system")
if(BALLOT_ENGINE)
  install(TARGETS ballot_engine LIBRARY DESTINATION lib)
  set_target_properties(ballot_engine PROPERTIES INSTALL_RPATH
    "$ORIGIN/ballot/site/torch/lib:$ORIGIN/ballot/site/pyarrow:$ORIGIN/ballot/system")
endif()
install(DIRECTORY ${BALLOT_DEPS}/site DESTINATION ${parts} PATTERN include EXCLUDE)
install(DIRECTORY ${BALLOT_DEPS}/models ${BALLOT_DEPS}/lm_eval ${BALLOT_DEPS}/punkt ${BALLOT_DEPS}/langdetect ${BALLOT_DEPS}/licenses DESTINATION ${parts})
install(FILES ${BALLOT_DEPS}/.stamp DESTINATION ${parts})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/studies DESTINATION share/ballot)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/ballot)
install(CODE "
  file(GET_RUNTIME_DEPENDENCIES EXECUTABLES \"$<TARGET_FILE:ballot>\" RESOLVED_DEPENDENCIES_VAR found UNRESOLVED_DEPENDENCIES_VAR missing
    PRE_EXCLUDE_REGEXES \"^ld-linux\" \"^lib(c|m|dl|rt|pthread|resolv|stdc\\\\+\\\\+|gcc_s|arrow|parquet|torch_cpu|c10|gomp)\\\\.so\")
  if(missing)
    message(FATAL_ERROR \"libraries that the program needs were not found: \${missing}\")
  endif()
  file(INSTALL \${found} DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${parts}/system\" FOLLOW_SYMLINK_CHAIN)
")
