#include "engine/engine.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <mutex>

#include "core/error.h"
#include "core/parallel.h"

namespace ballot {
namespace {
int engine_threads = 0;

std::filesystem::path program_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

const Engine* open() {
  std::string reasons;
  // Read by the OpenMP runtime when it is loaded: threads that wait sleep instead of spinning. Where other work runs on
  // the same cores a training step took 101 seconds of processor time with spinning threads and 15 with sleeping ones.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  for (const std::filesystem::path& folder : {program_folder() / "../lib", program_folder()}) {
    const std::filesystem::path path = folder / "libballot_engine.so";
    if (!std::filesystem::exists(path)) continue;
    // Lazy and global: what the rooms behind the door call in the rooms before it is found in the program itself.
    if (void* library = ::dlopen(path.c_str(), RTLD_LAZY | RTLD_GLOBAL)) {
      if (void* symbol = ::dlsym(library, "ballot_engine_table"))
        return reinterpret_cast<const Engine* (*)(int)>(symbol)(engine_threads > 0 ? engine_threads
                                                                                   : available_cores());
    }
    reasons += fmt::format(" {};", ::dlerror());
  }
  throw Error(ErrorKind::kFailed,
              reasons.empty()
                  ? std::string("this command computes with a model, and libballot_engine.so is not beside the program")
                  : fmt::format("cannot open the part of Ballot that computes:{}", reasons),
              "run `make build` again; an installed Ballot needs its lib folder beside bin");
}

}  // namespace

void set_engine_threads(int threads) {
  engine_threads = threads;
}

const Engine& engine() {
  static const Engine* table = open();
  return *table;
}

}  // namespace ballot
