#define _GNU_SOURCE
#include "blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "noise.h"

#define MIB (1u << 20)
#define DISK "/dev/vdb"

static uint64_t seed_of(uint64_t seed, uint64_t index) { return seed * 1000003 + index; }

int blocks_write(uint64_t seed, unsigned mib, uint64_t at_mib) {
  char *buffer = aligned_alloc(4096, MIB);
  int disk = open(DISK, O_WRONLY | O_DIRECT | O_CLOEXEC);
  int error = !buffer || disk < 0 ? errno : 0;
  for (unsigned i = 0; i < mib && error == 0; i++) {
    fill_with_noise(buffer, MIB, seed_of(seed, i));
    errno = ENOSPC;
    if (pwrite(disk, buffer, MIB, (off_t)(at_mib + i) * MIB) != MIB) error = errno;
  }
  if (error == 0 && fsync(disk) != 0) error = errno;
  if (disk >= 0) close(disk);
  free(buffer);
  return error;
}

/* Compares each MiB with what `wanted` is filled with by `fill`. */
static unsigned differing(uint64_t seed, uint64_t mib, uint64_t at_mib, void (*fill)(char *wanted, uint64_t seed)) {
  char *found = aligned_alloc(4096, MIB), *wanted = malloc(MIB);
  int disk = open(DISK, O_RDONLY | O_DIRECT | O_CLOEXEC);
  unsigned bad = 0;
  for (uint64_t i = 0; i < mib; i++) {
    if (!found || !wanted || disk < 0 || pread(disk, found, MIB, (off_t)(at_mib + i) * MIB) != MIB) {
      bad++;
      continue;
    }
    fill(wanted, seed_of(seed, i));
    if (memcmp(found, wanted, MIB) != 0) bad++;
  }
  if (disk >= 0) close(disk);
  free(found);
  free(wanted);
  return bad;
}

static void fill_seeded(char *wanted, uint64_t seed) { fill_with_noise(wanted, MIB, seed); }

static void fill_empty(char *wanted, uint64_t unused) {
  (void)unused;
  memset(wanted, 0, MIB);
}

unsigned blocks_check(uint64_t seed, unsigned mib, uint64_t at_mib) { return differing(seed, mib, at_mib, fill_seeded); }

unsigned blocks_check_empty(uint64_t mib, uint64_t at_mib) { return differing(0, mib, at_mib, fill_empty); }

int blocks_discard(uint64_t mib, uint64_t at_mib) {
  int disk = open(DISK, O_WRONLY | O_CLOEXEC);
  if (disk < 0) return errno;
  uint64_t range[] = {at_mib * MIB, mib * MIB};
  int error = ioctl(disk, BLKDISCARD, range) != 0 ? errno : 0;
  close(disk);
  return error;
}
