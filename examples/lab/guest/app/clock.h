#pragma once
#include <stdint.h>

/** Starts the 0.2 ms loop. Returns 0, or an errno (EPERM if the RTC's ports may not be read). */
int clock_start(void);
/** How often the loop ran. */
uint64_t clock_iterations(void);
