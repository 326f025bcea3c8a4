#define _GNU_SOURCE
#include "disk_load.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "noise.h"
#include "pace.h"
#include "threads.h"

#define LOAD_FILE "/data/load.bin"
#define BLOCK_BYTES 65536
#define PLACES 512
/* Far disks answer late: the longer a write takes, the larger the next, up to this. */
#define BLOCKS_PER_WRITE 16
#define REST_US 10000

static int file = -1;
static char *buffer;
static uint64_t written_blocks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint rate_mbps;
static atomic_uint_fast64_t written_bytes, errors;

static void write_blocks(uint64_t count) {
  for (uint64_t i = 0; i < count; i++) fill_with_noise(buffer + i * BLOCK_BYTES, BLOCK_BYTES, written_blocks + i);
  off_t place = (off_t)(written_blocks % PLACES) * BLOCK_BYTES;
  if (pwrite(file, buffer, count * BLOCK_BYTES, place) == (ssize_t)(count * BLOCK_BYTES)) {
    written_blocks += count;
    atomic_fetch_add(&written_bytes, count * BLOCK_BYTES);
  } else {
    atomic_fetch_add(&errors, 1);
  }
}

static void *write_forever(void *unused) {
  (void)unused;
  struct pace pace = {0};
  for (;;) {
    usleep(REST_US);
    uint64_t due = pace_due(&pace, atomic_load(&rate_mbps) * 1e6, BLOCKS_PER_WRITE * BLOCK_BYTES) / BLOCK_BYTES;
    if (due == 0) continue;
    pthread_mutex_lock(&lock);
    uint64_t to_end = PLACES - written_blocks % PLACES;
    if (due > to_end) due = to_end;
    write_blocks(due);
    pthread_mutex_unlock(&lock);
    pace_done(&pace, (double)due * BLOCK_BYTES);
  }
  return NULL;
}

int disk_load_start(void) {
  buffer = aligned_alloc(4096, BLOCKS_PER_WRITE * BLOCK_BYTES);
  file = open(LOAD_FILE, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
  if (!buffer || file < 0) return errno;
  return start_thread(write_forever, NULL, PRIORITY_LOAD);
}

void disk_load_set(unsigned mbps) { atomic_store(&rate_mbps, mbps); }
uint64_t disk_load_bytes(void) { return atomic_load(&written_bytes); }
uint64_t disk_load_errors(void) { return atomic_load(&errors); }

struct disk_check disk_load_check(void) {
  struct disk_check check = {0};
  char *found = aligned_alloc(4096, BLOCK_BYTES), *wanted = malloc(BLOCK_BYTES);
  for (uint64_t place = 0; found && wanted && place < PLACES; place++) {
    /* One block at a time, so that the load hardly waits. */
    pthread_mutex_lock(&lock);
    int64_t behind = (int64_t)((written_blocks + PLACES - 1 - place) % PLACES);
    int64_t newest = (int64_t)written_blocks - 1 - behind;
    ssize_t bytes = newest < 0 ? 0 : pread(file, found, BLOCK_BYTES, (off_t)place * BLOCK_BYTES);
    pthread_mutex_unlock(&lock);
    if (newest < 0) continue;
    fill_with_noise(wanted, BLOCK_BYTES, (uint64_t)newest);
    check.blocks++;
    if (bytes != BLOCK_BYTES || memcmp(found, wanted, BLOCK_BYTES) != 0) check.bad++;
  }
  if (!found || !wanted) check.bad++;
  free(found);
  free(wanted);
  return check;
}
