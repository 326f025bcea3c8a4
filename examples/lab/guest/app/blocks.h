#pragma once
#include <stdint.h>

/* The second disk, without a file system. Positions and sizes are in MiB; everything goes past the page cache. */

/** Writes `mib` MiB that belong to `seed`, and makes them durable. Returns 0, or an errno. */
int blocks_write(uint64_t seed, unsigned mib, uint64_t at_mib);

/** Reads what blocks_write wrote. Returns the number of MiB that differ or cannot be read. */
unsigned blocks_check(uint64_t seed, unsigned mib, uint64_t at_mib);

/** Gives blocks back to the disk (BLKDISCARD). Returns 0, or an errno. */
int blocks_discard(uint64_t mib, uint64_t at_mib);

/** Returns the number of MiB that are not all zeroes, or cannot be read. */
unsigned blocks_check_empty(uint64_t mib, uint64_t at_mib);
