#include "offset.h"

#include <string.h>

/* Above what the calibration of the guest's clock can drift within the window. */
#define SLACK_NS 5000000ll
#define FLIPS_TO_SETTLE 4
/* The first flip after a stop may be the end of that stop, and then says nothing from above. */
#define UNKNOWN_NS 1000000000ll

static struct bounds intersection(const struct offset *offset) {
  unsigned known = offset->count < OFFSET_WINDOW ? offset->count : OFFSET_WINDOW;
  struct bounds all = offset->flips[0];
  for (unsigned i = 1; i < known; i++) {
    if (offset->flips[i].low_ns > all.low_ns) all.low_ns = offset->flips[i].low_ns;
    if (offset->flips[i].high_ns < all.high_ns) all.high_ns = offset->flips[i].high_ns;
  }
  /* Drift can cross them by a little. */
  if (all.low_ns > all.high_ns) all.low_ns = all.high_ns = (all.low_ns + all.high_ns) / 2;
  return all;
}

static void remember(struct offset *offset, struct bounds flip) {
  offset->flips[offset->count++ % OFFSET_WINDOW] = flip;
}

static void length_of_jump(const struct offset *offset, struct bounds *length) {
  struct bounds after = intersection(offset);
  length->low_ns = after.low_ns - offset->before.high_ns;
  length->high_ns = after.high_ns - offset->before.low_ns;
  if (length->low_ns < 0) length->low_ns = 0;
}

enum jump offset_add(struct offset *offset, struct bounds flip, struct bounds *length) {
  if (offset->count == 0) {
    remember(offset, flip);
    return JUMP_NONE;
  }
  struct bounds known = intersection(offset);
  if (flip.high_ns < known.low_ns - SLACK_NS) {
    /* The host's clock was set back: no stop can be told from it. */
    offset->count = 0;
    offset->measuring = false;
    remember(offset, flip);
    return JUMP_NONE;
  }
  if (flip.low_ns > known.high_ns + SLACK_NS) {
    offset->before = known;
    offset->measuring = true;
    offset->count = 0;
    remember(offset, (struct bounds){flip.low_ns, flip.low_ns + UNKNOWN_NS});
    length_of_jump(offset, length);
    return JUMP_BEGINS;
  }
  remember(offset, flip);
  if (!offset->measuring) return JUMP_NONE;
  length_of_jump(offset, length);
  if (offset->count < FLIPS_TO_SETTLE) return JUMP_MEASURED;
  offset->measuring = false;
  return JUMP_SETTLED;
}
