// For the init of a sandbox whose command was started before it was known for whom.
#ifndef CLINUX_HANDOVER_H
#define CLINUX_HANDOVER_H

/// Hands what the launcher says over APUS_BINDING on to the command, which reads it from the other end of the pipe
/// `command`. Before that it changes to `directory`: another one has been mounted over that in which the command
/// started, not every runtime can change its own, and the caller has it in common with the command.
/// Returns when the launcher has said everything, or the command does not listen.
void apus_hand_over(const char *directory, int command);

#endif
