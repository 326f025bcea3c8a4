#define _GNU_SOURCE
#include "diary.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monotonic.h"
#include "noise.h"
#include "threads.h"

#define CHUNK_RECORDS 128
#define RETRY_US 100000

static int file = -1;
static char *record;
static unsigned rate;
static uint64_t newest, errors;
static int64_t longest_ns;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void fill_record(char *into, uint64_t number) {
  memcpy(into, &number, sizeof number);
  fill_with_noise(into + sizeof number, DIARY_RECORD_BYTES - sizeof number, number);
}

static off_t place_of(uint64_t number) { return (off_t)(number % DIARY_PLACES) * DIARY_RECORD_BYTES; }

static int make_file(void) {
  static const char nothing[CHUNK_RECORDS * DIARY_RECORD_BYTES] __attribute__((aligned(4096)));
  record = aligned_alloc(4096, 4096);
  int made = open(DIARY_FILE, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_DSYNC | O_CLOEXEC, 0600);
  if (!record || made < 0) return errno;
  /* Every block is there from now on: a record is durable with its own write, whatever becomes of the file system's. */
  for (int place = 0; place < DIARY_PLACES; place += CHUNK_RECORDS) {
    errno = ENOSPC;
    if (write(made, nothing, sizeof nothing) != (ssize_t)sizeof nothing) return errno;
  }
  if (fsync(made) != 0) return errno;
  file = made;
  return 0;
}

static void write_next(void) {
  fill_record(record, newest + 1);
  int64_t begun_ns = monotonic_ns();
  ssize_t written = pwrite(file, record, DIARY_RECORD_BYTES, place_of(newest + 1));
  int64_t took_ns = monotonic_ns() - begun_ns;
  pthread_mutex_lock(&lock);
  if (took_ns > longest_ns) longest_ns = took_ns;
  if (written == DIARY_RECORD_BYTES) newest++;
  else errors++;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  if (written != DIARY_RECORD_BYTES) usleep(RETRY_US);
}

static void *write_forever(void *unused) {
  (void)unused;
  int64_t next_ns = monotonic_ns();
  for (;;) {
    unsigned now = __atomic_load_n(&rate, __ATOMIC_RELAXED);
    next_ns = sleep_until(next_ns, NS_PER_S / (now ? now : 10));
    if (now) write_next();
  }
  return NULL;
}

int diary_set(unsigned per_second) {
  if (file < 0 && per_second > 0) {
    int error = make_file();
    if (error == 0) error = start_thread(write_forever, NULL, PRIORITY_LOAD);
    if (error != 0) return error;
  }
  pthread_mutex_lock(&lock);
  longest_ns = 0;
  pthread_mutex_unlock(&lock);
  __atomic_store_n(&rate, per_second, __ATOMIC_RELAXED);
  return 0;
}

/* The newest record of a place that had been acknowledged when `end` was the newest; 0 if there was none. */
static uint64_t newest_at(uint64_t place, uint64_t end) {
  uint64_t behind = (end + DIARY_PLACES - place) % DIARY_PLACES;
  return behind < end ? end - behind : 0;
}

struct diary_check diary_check(void) {
  pthread_mutex_lock(&lock);
  struct diary_check check = {.newest = newest, .errors = errors, .longest_ns = longest_ns};
  pthread_mutex_unlock(&lock);
  char *found = aligned_alloc(4096, CHUNK_RECORDS * DIARY_RECORD_BYTES), wanted[DIARY_RECORD_BYTES] __attribute__((aligned(8)));
  for (uint64_t place = 0; file >= 0 && found && place < DIARY_PLACES; place++) {
    char *one = found + place % CHUNK_RECORDS * DIARY_RECORD_BYTES;
    if (place % CHUNK_RECORDS == 0) {
      memset(found, 0, CHUNK_RECORDS * DIARY_RECORD_BYTES);
      /* What cannot be read is not what was written. */
      if (pread(file, found, CHUNK_RECORDS * DIARY_RECORD_BYTES, (off_t)place * DIARY_RECORD_BYTES) < 0) errno = 0;
    }
    uint64_t number = newest_at(place, check.newest), there;
    if (number == 0) continue;
    memcpy(&there, one, sizeof there);
    /* The diary runs on: a place may hold a younger record by now, which is as whole. */
    if (there > number && place_of(there) == place_of(number)) number = there;
    fill_record(wanted, number);
    check.records++;
    if (memcmp(one, wanted, DIARY_RECORD_BYTES) != 0) check.bad++;
  }
  if (!found) check.bad++;
  free(found);
  return check;
}

void diary_tell(int socket) {
  for (uint64_t told = 0;;) {
    pthread_mutex_lock(&lock);
    while (newest == told) pthread_cond_wait(&changed, &lock);
    told = newest;
    pthread_mutex_unlock(&lock);
    if (write(socket, &told, sizeof told) != (ssize_t)sizeof told) return;
  }
}
