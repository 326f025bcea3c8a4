#pragma once
#include <stdint.h>

/** Fills `mib` MiB with noise, so that a move carries a memory that neither is empty nor compresses, and starts the idle load. Returns 0, or an errno. */
int memory_start(unsigned mib);
/** Blurs `working_set_mib` MiB of that memory round and round at `mbps` (10^6 bytes a second); 0 stops it. Returns the working set, cut to what there is. */
unsigned memory_load_set(unsigned mbps, unsigned working_set_mib);
/** Bytes dirtied so far. */
uint64_t memory_load_bytes(void);
/** Reads the memory that was filled, as long as no load has run since. Returns how many pages are not as they were filled. */
unsigned memory_check(void);
