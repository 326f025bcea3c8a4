#include "clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/io.h>

#include "gaps.h"
#include "monotonic.h"
#include "offset.h"
#include "threads.h"

#define PERIOD_NS 200000ll
/* A shorter stall cannot be told from a busy host: the paper's threshold. Stops are told from 5 ms on (offset.c). */
#define STALL_THRESHOLD_NS 50000000ll
#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define SECONDS_PER_DAY 86400

static atomic_uint_fast64_t iterations;

static int cmos(int index) {
  outb(index, CMOS_INDEX);
  int digits = inb(CMOS_DATA);
  return (digits >> 4) * 10 + (digits & 15);
}

static int64_t second_of_day(void) {
  for (;;) {
    int seconds = cmos(0), minutes = cmos(2), hours = cmos(4);
    if (cmos(0) == seconds) return hours * 3600 + minutes * 60 + seconds;
  }
}

static void record(enum jump jump, struct bounds length, int64_t at_ns) {
  static unsigned current;
  int64_t middle_ns = (length.low_ns + length.high_ns) / 2, uncertainty_ns = (length.high_ns - length.low_ns) / 2;
  switch (jump) {
    case JUMP_NONE:
      return;
    case JUMP_BEGINS:
      current = gaps_add((struct gap){.kind = GAP_STOP, .length_ns = middle_ns, .uncertainty_ns = uncertainty_ns, .at_ns = at_ns});
      return;
    case JUMP_MEASURED:
    case JUMP_SETTLED:
      gaps_update(current, middle_ns, uncertainty_ns, jump == JUMP_SETTLED);
      return;
  }
}

static void *watch_rtc(void *unused) {
  (void)unused;
  struct offset offset = {0};
  int64_t known_s = second_of_day(), elapsed_s = 0;
  int64_t last_ns = monotonic_ns(), next_ns = last_ns;
  for (;;) {
    next_ns = sleep_until(next_ns, PERIOD_NS);
    int64_t before_ns = monotonic_ns();
    if (before_ns - last_ns > STALL_THRESHOLD_NS)
      gaps_add((struct gap){.kind = GAP_STALL, .length_ns = before_ns - last_ns, .at_ns = before_ns, .settled = true});
    if (cmos(0) != known_s % 60) {
      int64_t now_s = second_of_day();
      int64_t after_ns = monotonic_ns();
      int64_t passed_s = (now_s - known_s + SECONDS_PER_DAY) % SECONDS_PER_DAY;
      /* At last_ns the old second had not ended; at after_ns the new one had begun. */
      struct bounds flip = {(elapsed_s + passed_s) * NS_PER_S - after_ns, (elapsed_s + 1) * NS_PER_S - last_ns};
      struct bounds length = {0};
      record(offset_add(&offset, flip, &length), length, after_ns);
      known_s = now_s;
      elapsed_s += passed_s;
    }
    last_ns = before_ns;
    atomic_fetch_add_explicit(&iterations, 1, memory_order_relaxed);
  }
  return NULL;
}

int clock_start(void) {
  /* Threads inherit the permission, so it is asked for before the loop starts. */
  if (iopl(3) != 0) return errno;
  return start_thread(watch_rtc, NULL, PRIORITY_CLOCK);
}

uint64_t clock_iterations(void) { return atomic_load_explicit(&iterations, memory_order_relaxed); }
