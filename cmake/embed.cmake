# ballot_embed(<room> [FILE <name> <path>]...) puts files into the room's library, readable through
#   std::span<const EmbeddedFile> embedded_<room>_files();   (core/embedded.h)
function(ballot_embed room)
  set(assembler "")
  set(table "")
  set(externs "")
  set(paths "")
  set(index 0)
  set(rest ${ARGN})
  while(rest)
    list(POP_FRONT rest keyword name path)
    string(APPEND assembler ".global embedded_${room}_${index}_begin\n.global embedded_${room}_${index}_end\n"
                            "embedded_${room}_${index}_begin:\n.incbin \"${path}\"\nembedded_${room}_${index}_end:\n.byte 0\n")
    string(APPEND externs "extern \"C\" const char embedded_${room}_${index}_begin[], embedded_${room}_${index}_end[];\n")
    string(APPEND table "    {\"${name}\", {embedded_${room}_${index}_begin, static_cast<std::size_t>(embedded_${room}_${index}_end - embedded_${room}_${index}_begin)}},\n")
    list(APPEND paths ${path})
    math(EXPR index "${index} + 1")
  endwhile()
  set(folder ${CMAKE_BINARY_DIR}/embedded)
  file(CONFIGURE OUTPUT ${folder}/${room}.S CONTENT ".section .rodata\n${assembler}.section .note.GNU-stack,\"\",@progbits\n" @ONLY)
  file(CONFIGURE OUTPUT ${folder}/${room}.cpp CONTENT
"#include \"core/embedded.h\"
${externs}
namespace ballot {
std::span<const EmbeddedFile> embedded_${room}_files() {
  static const EmbeddedFile files[] = {
${table}  };
  return files;
}
}
" @ONLY)
  set_source_files_properties(${folder}/${room}.S PROPERTIES OBJECT_DEPENDS "${paths}")
  # The assembler reads files that no compiler cache sees.
  set_property(SOURCE ${folder}/${room}.S PROPERTY LANGUAGE ASM)
  target_sources(ballot_${room} PRIVATE ${folder}/${room}.S ${folder}/${room}.cpp)
endfunction()
