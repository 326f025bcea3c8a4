#include "stream.h"

#include <stdint.h>
#include <unistd.h>

#include "monotonic.h"

#define PERIOD_NS 1000000ll

void stream_samples(int socket) {
  int64_t next_ns = monotonic_ns();
  for (uint64_t sequence = 0;; sequence++) {
    uint64_t sample[2] = {sequence, (uint64_t)monotonic_ns()};
    const char *rest = (const char *)sample;
    for (size_t left = sizeof sample; left > 0;) {
      ssize_t written = write(socket, rest, left);
      if (written <= 0) return;
      rest += written;
      left -= (size_t)written;
    }
    next_ns = sleep_until(next_ns, PERIOD_NS);
  }
}
