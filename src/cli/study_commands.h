// The commands over a whole study: run, status, report, verify.
#pragma once
#include "cli/command.h"

namespace ballot {

Command run_command();
Command status_command();
Command report_command();
Command verify_command();

}  // namespace ballot
