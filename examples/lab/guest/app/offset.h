#pragma once
#include <stdbool.h>
#include <stdint.h>

#define OFFSET_WINDOW 8

/**
 * How far a clock that runs on (the RTC) is ahead of the one that stops (CLOCK_MONOTONIC), known as bounds.
 *
 * Each flip of the RTC's second, seen between two polls, bounds the offset from both sides however late the polls
 * were; the bounds of several flips are intersected, so that delays of the loop widen what is known of one flip and
 * leave the result sharp. A stop of the VM raises the offset by its length.
 */
struct bounds {
  int64_t low_ns;
  int64_t high_ns;
};

struct offset {
  struct bounds flips[OFFSET_WINDOW];
  unsigned count;
  struct bounds before; /* the offset before the jump that is being measured */
  bool measuring;
};

enum jump { JUMP_NONE, JUMP_BEGINS, JUMP_MEASURED, JUMP_SETTLED };

/**
 * Takes what one flip says. On JUMP_BEGINS a stop was found; on JUMP_MEASURED and JUMP_SETTLED more is known of
 * that same stop, the last being final. In all three, `length` bounds how long it was.
 */
enum jump offset_add(struct offset *offset, struct bounds flip, struct bounds *length);
