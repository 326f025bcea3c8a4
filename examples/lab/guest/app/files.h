#pragma once
#include <stdbool.h>
#include <stdint.h>

struct seeded_check {
  unsigned good;
  unsigned bad;
};

/** Re-reads the files that the disk came with, past the page cache: SEEDED_FILES of SEEDED_MIB each, of the seeds from 0 on. */
struct seeded_check files_verify_seeded(void);

/** Writes a file of `mib` MiB that belongs to `seed`, and makes it durable. Returns 0, or an errno. */
int files_write(uint64_t seed, unsigned mib);

/** Reads that file, past the page cache. Returns the number of MiB that differ or are missing. */
unsigned files_check(uint64_t seed, unsigned mib);
