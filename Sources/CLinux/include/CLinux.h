#ifndef CLINUX_H
#define CLINUX_H
#include "network.h"
#endif
