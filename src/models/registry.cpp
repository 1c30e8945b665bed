#include <vector>

#include "core/error.h"
#include "core/suggest.h"
#include "models/families.h"

namespace ballot {
namespace {

// One line a family.
const std::vector<const Family*>& families() {
  static const std::vector<const Family*> all = {
      &gemma3_family(),
      &llama_family(),
      &qwen2_family(),
      &qwen3_family(),
  };
  return all;
}

}  // namespace

const Family& family_of_architecture(const std::string& architecture, const std::string& context) {
  std::vector<std::string> known;
  for (const Family* family : families()) {
    if (family->architecture == architecture || family->classifier == architecture) return *family;
    known.push_back(family->architecture);
    known.push_back(family->classifier);
  }
  throw bad_input("{}: unknown architecture '{}'{}", context, architecture, did_you_mean(architecture, known));
}

const Family& family_of_gguf(const std::string& architecture, const std::string& context) {
  std::vector<std::string> known;
  for (const Family* family : families()) {
    if (family->gguf == architecture) return *family;
    known.push_back(family->gguf);
  }
  throw bad_input("{}: unknown architecture '{}'{}", context, architecture, did_you_mean(architecture, known));
}

}  // namespace ballot
