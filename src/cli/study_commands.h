// The commands over a whole study: run, status, report, verify, plan.
#pragma once
#include "cli/command.h"

namespace ballot {

Command run_command();
Command status_command();
Command report_command();
Command verify_command();
Command plan_command();

}  // namespace ballot
