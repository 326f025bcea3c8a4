#pragma once
#include <stdint.h>

/** Starts the idle load on a file of its own under /data. Returns 0, or an errno. */
int disk_load_start(void);
/** Writes past the cache at `mbps` (10^6 bytes a second); 0 stops it. */
void disk_load_set(unsigned mbps);
/** Bytes written and acknowledged so far. */
uint64_t disk_load_bytes(void);
/** Writes that failed. */
uint64_t disk_load_errors(void);

struct disk_check {
  unsigned blocks; /* blocks that must be there: the newest acknowledged write of each place in the file */
  unsigned bad;
};

/** Reads back, past the cache, all that the load wrote. The load may run on. */
struct disk_check disk_load_check(void);
