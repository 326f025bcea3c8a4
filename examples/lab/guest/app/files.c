#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "noise.h"

#define MIB (1u << 20)

static int open_written(uint64_t seed, unsigned mib, int flags) {
  char path[80];
  snprintf(path, sizeof path, "/data/written-%llu-%u.bin", (unsigned long long)seed, mib);
  return open(path, flags | O_DIRECT | O_CLOEXEC, 0600);
}

static uint64_t seed_of(uint64_t seed, unsigned index) { return seed * 1000003 + index; }

int files_write(uint64_t seed, unsigned mib) {
  char *buffer = aligned_alloc(4096, MIB);
  int file = open_written(seed, mib, O_WRONLY | O_CREAT | O_TRUNC);
  int error = !buffer || file < 0 ? errno : 0;
  for (unsigned i = 0; i < mib && error == 0; i++) {
    fill_with_noise(buffer, MIB, seed_of(seed, i));
    errno = ENOSPC;
    if (write(file, buffer, MIB) != MIB) error = errno;
  }
  if (error == 0 && fsync(file) != 0) error = errno;
  if (file >= 0) close(file);
  free(buffer);
  return error;
}

/* The number of MiB that differ from what belongs to `seed`, or are missing. Closes the file. */
static unsigned differing(int file, uint64_t seed, unsigned mib) {
  char *found = aligned_alloc(4096, MIB), *wanted = malloc(MIB);
  unsigned bad = 0;
  for (unsigned i = 0; i < mib; i++) {
    if (!found || !wanted || file < 0 || read(file, found, MIB) != MIB) {
      bad += mib - i;
      break;
    }
    fill_with_noise(wanted, MIB, seed_of(seed, i));
    if (memcmp(found, wanted, MIB) != 0) bad++;
  }
  if (file >= 0) close(file);
  free(found);
  free(wanted);
  return bad;
}

unsigned files_check(uint64_t seed, unsigned mib) { return differing(open_written(seed, mib, O_RDONLY), seed, mib); }

struct seeded_check files_verify_seeded(void) {
  struct seeded_check check = {0};
  for (unsigned seed = 0; seed < SEEDED_FILES; seed++) {
    char path[40];
    snprintf(path, sizeof path, "/data/seeded/%u.bin", seed);
    int file = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (differing(file, seed, SEEDED_MIB) == 0) check.good++;
    else check.bad++;
  }
  return check;
}
