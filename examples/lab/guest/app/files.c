#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "noise.h"

#define MIB (1u << 20)
#define SEEDED "/data/seeded"

static void drop_page_cache(void) {
  sync();
  int knob = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
  if (knob < 0) return;
  if (write(knob, "3", 1) < 0) perror("drop_caches");
  close(knob);
}

/* Returns the reading end of a pipe with one line a file, "<name>: OK" or "<name>: FAILED"; NULL if it cannot start. */
static FILE *start_sha256sum(pid_t *pid) {
  char *arguments[] = {"sha256sum", "-c", "SHA256SUMS", NULL}, *environment[] = {NULL};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return NULL;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, SEEDED);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  int error = posix_spawn(pid, "/bin/busybox", &actions, NULL, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error == 0) return fdopen(ends[0], "r");
  close(ends[0]);
  return NULL;
}

struct seeded_check files_verify_seeded(void) {
  struct seeded_check check = {0};
  char line[256];
  pid_t pid;
  drop_page_cache();
  FILE *sums = start_sha256sum(&pid);
  if (!sums) return (struct seeded_check){.bad = 1};
  while (fgets(line, sizeof line, sums)) {
    if (strstr(line, ": OK")) check.good++;
    if (strstr(line, ": FAILED")) check.bad++;
  }
  fclose(sums);
  int status = 1;
  waitpid(pid, &status, 0);
  if (status != 0 && check.bad == 0) check.bad = 1;
  return check;
}

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

unsigned files_check(uint64_t seed, unsigned mib) {
  char *found = aligned_alloc(4096, MIB), *wanted = malloc(MIB);
  int file = open_written(seed, mib, O_RDONLY);
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
