"""Longest silences between events, in bounded memory."""

import collections
import threading

MOST_KEPT = 100_000
MOST_REPORTED = 10


class Silences:
    """Remembers the intervals between consecutive events that are at least `threshold_ms` long."""

    def __init__(self, threshold_ms, started_ms):
        self.threshold_ms = threshold_ms
        self.last_ms = started_ms
        self.kept = collections.deque(maxlen=MOST_KEPT)
        self.lock = threading.Lock()

    def event(self, at_ms):
        with self.lock:
            if at_ms - self.last_ms >= self.threshold_ms:
                self.kept.append((self.last_ms, at_ms - self.last_ms))
            self.last_ms = max(self.last_ms, at_ms)

    def longest(self, from_ms, to_ms):
        """Those that overlap the range, longest first; the one that still lasts is cut at `to_ms`."""
        with self.lock:
            kept = list(self.kept)
            last_ms = self.last_ms
        if to_ms - last_ms >= self.threshold_ms:
            kept.append((last_ms, to_ms - last_ms))
        inside = [gap for gap in kept if gap[0] < to_ms and gap[0] + gap[1] > from_ms]
        inside.sort(key=lambda gap: gap[1], reverse=True)
        return [{"startAtMs": start, "lengthMs": length} for start, length in inside[:MOST_REPORTED]]
