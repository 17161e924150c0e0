// What the files of this target share among themselves.
#ifndef CLINUX_INSIDE_H
#define CLINUX_INSIDE_H

#include "CLinux.h"

/// Permitted and effective ones; none is inheritable.
int apus_set_capabilities(uint64_t permitted);

/// Puts the path of what is to be executed into `arguments[0]`.
void apus_choose_command(const struct apus_start *start);

#endif
