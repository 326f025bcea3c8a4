/* The application of the guest: what a move must not disturb, and what tells if it did. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "diary.h"
#include "disk_load.h"
#include "memory_load.h"
#include "stream.h"
#include "threads.h"

#define STREAM_PORT 5001
#define CONTROL_PORT 5003
#define DIARY_PORT 5004
#define DEFAULT_MEMORY_MIB 100

static void require(const char *what, int error) {
  if (error == 0) return;
  printf("GUEST FAILED: %s: %s\n", what, strerror(error));
  exit(1);
}

int main(int count, char **arguments) {
  unsigned memory_mib = count > 1 ? (unsigned)atoi(arguments[1]) : DEFAULT_MEMORY_MIB;
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGPIPE, SIG_IGN);
  require("memory", memory_start(memory_mib ? memory_mib : DEFAULT_MEMORY_MIB));
  require("disk", disk_load_start());
  require("clock", clock_start());
  require("stream", serve(STREAM_PORT, stream_samples, PRIORITY_STREAM));
  require("control", serve(CONTROL_PORT, control_answer, PRIORITY_LOAD));
  require("diary", serve(DIARY_PORT, diary_tell, PRIORITY_LOAD));
  puts("GUEST READY");
  for (;;) pause();
}
