#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/**
 * A time in which the guest did not run: `stop` if its own clock stood still with it (seen by the RTC), `stall` if
 * that clock ran on.
 */
enum gap_kind { GAP_STOP, GAP_STALL };

struct gap {
  unsigned id;
  enum gap_kind kind;
  int64_t length_ns;
  int64_t uncertainty_ns;
  int64_t at_ns; /* guest monotonic: end of a stall; the flip that first showed a stop, at most 1 s after it */
  bool settled;
};

/** Adds a gap and returns its id; the oldest is forgotten when the log is full. */
unsigned gaps_add(struct gap gap);
/** Replaces what is known of a gap; nothing happens if it was forgotten or cleared. */
void gaps_update(unsigned id, int64_t length_ns, int64_t uncertainty_ns, bool settled);
void gaps_clear(void);
/** One line a gap: kind, ms, uncertainty in ms, guest monotonic ms, "settled" or "open". */
void gaps_print(FILE *out);
