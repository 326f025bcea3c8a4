#include "control.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blocks.h"
#include "clock.h"
#include "diary.h"
#include "disk_load.h"
#include "files.h"
#include "gaps.h"
#include "memory_load.h"
#include "monotonic.h"

#define LINE_BYTES 200
#define MOST_ARGUMENTS 3
#define MOST_RATE_MBPS 10000
#define MOST_FILE_MIB 512
#define MOST_RECORDS_A_SECOND 1000

typedef unsigned long long number;

static unsigned load_mbps, load_set_mib, load_disk_mbps;

static void load(FILE *out, const number *arguments) {
  if (arguments[0] > MOST_RATE_MBPS || arguments[1] > MOST_RATE_MBPS || arguments[2] > MOST_RATE_MBPS) {
    fprintf(out, "error no rate or size over %d\n", MOST_RATE_MBPS);
    return;
  }
  load_mbps = arguments[0];
  load_set_mib = memory_load_set(load_mbps, arguments[1]);
  load_disk_mbps = arguments[2];
  disk_load_set(load_disk_mbps);
  fprintf(out, "ok %u %u %u\n", load_mbps, load_set_mib, load_disk_mbps);
}

static void gaps(FILE *out, const number *arguments) {
  (void)arguments;
  gaps_print(out);
  fputs(".\n", out);
}

static void clear(FILE *out, const number *arguments) {
  (void)arguments;
  gaps_clear();
  fputs("ok\n", out);
}

static void stat(FILE *out, const number *arguments) {
  (void)arguments;
  fprintf(out, "ok atMs=%.3f iterations=%llu dirtiedBytes=%llu writtenBytes=%llu writeErrors=%llu memoryMBps=%u workingSetMiB=%u diskMBps=%u\n",
          monotonic_ns() / 1e6, (number)clock_iterations(), (number)memory_load_bytes(), (number)disk_load_bytes(),
          (number)disk_load_errors(), load_mbps, load_set_mib, load_disk_mbps);
}

static void verify(FILE *out, const number *arguments) {
  (void)arguments;
  struct seeded_check seeded = files_verify_seeded();
  struct disk_check load = disk_load_check();
  if (seeded.bad || load.bad) fprintf(out, "bad %u files %u blocks\n", seeded.bad, load.bad);
  else fprintf(out, "ok %u files %u blocks\n", seeded.good, load.blocks);
}

static bool file_size_fits(FILE *out, number mib) {
  if (mib > 0 && mib <= MOST_FILE_MIB) return true;
  fprintf(out, "error it takes 1 to %d MiB\n", MOST_FILE_MIB);
  return false;
}

static void write_file(FILE *out, const number *arguments) {
  if (!file_size_fits(out, arguments[1])) return;
  int error = files_write(arguments[0], arguments[1]);
  if (error) fprintf(out, "bad %s\n", strerror(error));
  else fputs("ok\n", out);
}

static void check_file(FILE *out, const number *arguments) {
  if (!file_size_fits(out, arguments[1])) return;
  unsigned bad = files_check(arguments[0], arguments[1]);
  if (bad) fprintf(out, "bad %u MiB\n", bad);
  else fputs("ok\n", out);
}

static void write_blocks(FILE *out, const number *arguments) {
  if (!file_size_fits(out, arguments[1])) return;
  int error = blocks_write(arguments[0], arguments[1], arguments[2]);
  if (error) fprintf(out, "bad %s\n", strerror(error));
  else fputs("ok\n", out);
}

static void check_blocks(FILE *out, const number *arguments) {
  if (!file_size_fits(out, arguments[1])) return;
  unsigned bad = blocks_check(arguments[0], arguments[1], arguments[2]);
  if (bad) fprintf(out, "bad %u MiB\n", bad);
  else fputs("ok\n", out);
}

static void discard_blocks(FILE *out, const number *arguments) {
  int error = blocks_discard(arguments[0], arguments[1]);
  if (error) fprintf(out, "bad %s\n", strerror(error));
  else fputs("ok\n", out);
}

static void check_empty(FILE *out, const number *arguments) {
  unsigned bad = blocks_check_empty(arguments[0], arguments[1]);
  if (bad) fprintf(out, "bad %u MiB\n", bad);
  else fputs("ok\n", out);
}

static void sync_disk(FILE *out, const number *arguments) {
  (void)arguments;
  sync();
  fputs("ok\n", out);
}

static void memory(FILE *out, const number *arguments) {
  (void)arguments;
  if (memory_load_bytes() > 0) {
    fputs("error a load has changed the memory\n", out);
    return;
  }
  unsigned bad = memory_check();
  if (bad) fprintf(out, "bad %u pages\n", bad);
  else fputs("ok\n", out);
}

static void diary(FILE *out, const number *arguments) {
  if (arguments[0] > MOST_RECORDS_A_SECOND) {
    fprintf(out, "error a diary gets at most %d records a second\n", MOST_RECORDS_A_SECOND);
    return;
  }
  int error = diary_set(arguments[0]);
  if (error) fprintf(out, "bad %s\n", strerror(error));
  else fputs("ok\n", out);
}

static void reread(FILE *out, const number *arguments) {
  (void)arguments;
  struct diary_check check = diary_check();
  fprintf(out, "%s newest=%llu records=%u bad=%u errors=%llu longestMs=%.3f\n", check.bad ? "bad" : "ok", (number)check.newest,
          check.records, check.bad, (number)check.errors, check.longest_ns / 1e6);
}

static const struct command {
  const char *name;
  int arguments;
  void (*answer)(FILE *out, const number *arguments);
} commands[] = {
    {"load", 3, load},     {"gaps", 0, gaps},        {"clear", 0, clear},      {"stat", 0, stat},
    {"verify", 0, verify}, {"write", 2, write_file}, {"check", 2, check_file}, {"sync", 0, sync_disk},
    {"diary", 1, diary},   {"reread", 0, reread},     {"memory", 0, memory},
    {"blocks", 3, write_blocks}, {"checkblocks", 3, check_blocks}, {"discard", 2, discard_blocks}, {"empty", 2, check_empty},
};

/* Returns how many words after the command were numbers, or -1 if one was not. */
static int parse_numbers(char **rest, number *into) {
  int count = 0;
  for (char *word; (word = strtok_r(NULL, " \t\r", rest)) != NULL; count++) {
    char *end;
    if (count == MOST_ARGUMENTS || *word < '0' || *word > '9') return -1;
    into[count] = strtoull(word, &end, 10);
    if (*end != '\0') return -1;
  }
  return count;
}

static void answer(FILE *out, char *line) {
  char *rest;
  const char *name = strtok_r(line, " \t\r", &rest);
  number arguments[MOST_ARGUMENTS];
  for (size_t i = 0; name && i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(name, commands[i].name) != 0) continue;
    if (parse_numbers(&rest, arguments) == commands[i].arguments) commands[i].answer(out, arguments);
    else fprintf(out, "error %s takes %d numbers\n", name, commands[i].arguments);
    return;
  }
  fputs("error no such command\n", out);
}

/* Reads up to and without the end of a line; what is too long is dropped, and said by `cut`. Returns false at the end of input. */
static bool read_line(FILE *in, char *line, bool *cut) {
  size_t length = 0;
  int byte;
  *cut = false;
  while ((byte = getc(in)) != EOF && byte != '\n') {
    if (length == LINE_BYTES - 1) *cut = true;
    /* A zero byte would end the line early, and make "load 1 2 3" of what is not. */
    else line[length++] = byte == '\0' ? '?' : (char)byte;
  }
  line[length] = '\0';
  return byte != EOF;
}

void control_answer(int socket) {
  FILE *in = fdopen(dup(socket), "r"), *out = fdopen(dup(socket), "w");
  char line[LINE_BYTES];
  bool cut;
  while (in && out && read_line(in, line, &cut)) {
    if (cut) fputs("error line too long\n", out);
    else answer(out, line);
    if (fflush(out) != 0) break;
  }
  if (in) fclose(in);
  if (out) fclose(out);
}
