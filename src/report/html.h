// Text into HTML. Everything that did not come from this program's own templates goes through here: names, labels and
// answers may hold anything.
#pragma once
#include <string>
#include <string_view>

#include "core/json.h"

namespace ballot {

/// & < > " ' as entities; control characters (but newline and tab) as visible pictures, so that nothing is hidden.
std::string html_escape(std::string_view text);
/// JSON that may stand inside a <script> element: no "</script", no "<!--", no line separators.
std::string json_for_script(const Json& json);
std::string base64(std::string_view bytes);

}  // namespace ballot
