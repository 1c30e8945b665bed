// What a command says of rows that it left out.
#pragma once
#include <string>

#include "data/rejects.h"

namespace ballot {

/// The counts, where the rows went, and the first warning of each kind.
std::string rejects_text(const RejectLog& rejects, const BadRowOptions& options, const std::string& out);

}  // namespace ballot
