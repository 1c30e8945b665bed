// JSON values in headers without the price of nlohmann's full header; .cpp files include <nlohmann/json.hpp>
// themselves. Order is kept as written (ordered_json), so that files read as they were meant and the same content gives
// the same bytes.
#pragma once
#include <nlohmann/json_fwd.hpp>

namespace ballot {
using Json = nlohmann::ordered_json;
}
