#pragma once
#include <stdint.h>
#include <time.h>

#define NS_PER_MS 1000000ll
#define NS_PER_S 1000000000ll

/** CLOCK_MONOTONIC in nanoseconds. It stands still while the VM is stopped. */
static inline int64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/**
 * Sleeps until `next_ns` and returns when to wake after that. A loop that is late starts a new rhythm
 * instead of catching up, so that it always leaves time to others.
 */
static inline int64_t sleep_until(int64_t next_ns, int64_t period_ns) {
  int64_t now = monotonic_ns();
  if (next_ns < now) next_ns = now + period_ns;
  struct timespec until = {next_ns / NS_PER_S, next_ns % NS_PER_S};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0) != 0) continue;
  return next_ns + period_ns;
}
