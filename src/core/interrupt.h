// Ctrl-C: the program sets a flag, long loops look at it between units of work, save, and throw.
#pragma once

namespace ballot {

void request_interrupt() noexcept;  ///< safe in a signal handler
bool interrupt_requested() noexcept;
void clear_interrupt() noexcept;  ///< for tests
/// Throws Error (kInterrupted) "interrupted; <how_to_go_on>" where one was requested.
void check_interrupt(const char* how_to_go_on = "run the same command again to go on where it stopped");

}  // namespace ballot
