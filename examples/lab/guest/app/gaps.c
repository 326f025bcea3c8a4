#include "gaps.h"

#include <pthread.h>
#include <string.h>

#define LOG_LENGTH 512

static struct gap entries[LOG_LENGTH];
static unsigned first, next;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

unsigned gaps_add(struct gap gap) {
  pthread_mutex_lock(&lock);
  /* Once another stop began, nothing more can be learnt of the one before. */
  if (gap.kind == GAP_STOP)
    for (unsigned id = first; id != next; id++) entries[id % LOG_LENGTH].settled = true;
  gap.id = next++;
  entries[gap.id % LOG_LENGTH] = gap;
  if (next - first > LOG_LENGTH) first = next - LOG_LENGTH;
  pthread_mutex_unlock(&lock);
  return gap.id;
}

void gaps_update(unsigned id, int64_t length_ns, int64_t uncertainty_ns, bool settled) {
  pthread_mutex_lock(&lock);
  if (id - first < next - first) {
    struct gap *gap = &entries[id % LOG_LENGTH];
    gap->length_ns = length_ns;
    gap->uncertainty_ns = uncertainty_ns;
    gap->settled = settled;
  }
  pthread_mutex_unlock(&lock);
}

void gaps_clear(void) {
  pthread_mutex_lock(&lock);
  first = next;
  pthread_mutex_unlock(&lock);
}

void gaps_print(FILE *out) {
  static struct gap copy[LOG_LENGTH];
  static pthread_mutex_t printing = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&printing);
  /* The clock must not wait for a slow reader of this list. */
  pthread_mutex_lock(&lock);
  unsigned count = next - first;
  for (unsigned i = 0; i < count; i++) copy[i] = entries[(first + i) % LOG_LENGTH];
  pthread_mutex_unlock(&lock);
  for (unsigned i = 0; i < count; i++) {
    fprintf(out, "%s %.1f %.1f %.1f %s\n", copy[i].kind == GAP_STOP ? "stop" : "stall", copy[i].length_ns / 1e6,
            copy[i].uncertainty_ns / 1e6, copy[i].at_ns / 1e6, copy[i].settled ? "settled" : "open");
  }
  pthread_mutex_unlock(&printing);
}
