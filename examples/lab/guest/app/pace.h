#pragma once
#include <stdint.h>

#include "monotonic.h"

/** Spreads work over time. Zero it before first use. */
struct pace {
  int64_t last_ns;
  double credit_bytes;
};

/** The bytes that are due now at a rate, at most `limit_bytes`: what was missed beyond that is not made up for. */
static inline double pace_due(struct pace *pace, double bytes_per_second, double limit_bytes) {
  int64_t now = monotonic_ns();
  if (pace->last_ns != 0) pace->credit_bytes += (now - pace->last_ns) / 1e9 * bytes_per_second;
  if (pace->credit_bytes > limit_bytes) pace->credit_bytes = limit_bytes;
  pace->last_ns = now;
  return pace->credit_bytes;
}

static inline void pace_done(struct pace *pace, double bytes) { pace->credit_bytes -= bytes; }
