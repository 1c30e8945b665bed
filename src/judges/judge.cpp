#include "judges/judge.h"

#include <nlohmann/json.hpp>

namespace ballot {

Json Judge::counters() const {
  return Json::object();
}

}  // namespace ballot
