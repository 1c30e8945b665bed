#include "core/error.h"

namespace ballot {

Error::Error(ErrorKind kind, std::string what_failed, std::string next)
    : std::runtime_error(next.empty() ? what_failed : what_failed + "\nnext: " + next),
      kind_(kind),
      message_(std::move(what_failed)),
      next_(std::move(next)) {}

}  // namespace ballot
