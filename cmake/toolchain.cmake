# ccache and mold are used where they are present; neither is needed. Depend mode reads what gcc's own dependency files list: without
# it ccache preprocesses every file in full, because a precompiled header is in the way, and a first build takes twice as long.
find_program(CCACHE ccache)
if(CCACHE)
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_DEPEND=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
               CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
find_program(MOLD mold)
if(MOLD AND NOT BALLOT_SANITIZER)
  add_link_options(-fuse-ld=mold)
endif()
