"""Reads the guest's samples on one TCP connection that is never made again.

usage: stream.py ADDRESS PORT CONNECT_SECONDS
"""

import struct
import sys
import threading

from answering import answer_reports, now_ms
from connecting import connect
from intervals import Silences

SAMPLE = struct.Struct("<QQ")
# Below this, arrival times tell of schedulers more than of the guest.
GAP_THRESHOLD_MS = 10
MOST_HOLES = 100
# A connection that nobody ended but on which nothing comes has not survived.
PATIENCE_MS = 5000


class Stream:
    def __init__(self, connection):
        self.connection = connection
        self.connected_ms = now_ms()
        self.silences = Silences(GAP_THRESHOLD_MS, self.connected_ms)
        self.samples = 0
        self.next_sequence = None
        self.first_sequence = None
        self.hole_count = 0
        self.holes = []
        self.ended = None

    def read_forever(self):
        rest = b""
        while self.ended is None:
            try:
                data = self.connection.recv(65536)
                at_ms = now_ms()
            except OSError as error:
                self.ended = {"atMs": now_ms(), "reason": str(error)}
                return
            if not data:
                self.ended = {"atMs": at_ms, "reason": "the guest closed the connection"}
                return
            rest += data
            whole = len(rest) - len(rest) % SAMPLE.size
            for sequence, _ in SAMPLE.iter_unpack(rest[:whole]):
                self.take(sequence, at_ms)
            rest = rest[whole:]

    def take(self, sequence, at_ms):
        if self.next_sequence is None:
            self.first_sequence = sequence
        elif sequence != self.next_sequence:
            self.hole_count += 1
            if len(self.holes) < MOST_HOLES:
                self.holes.append({"atMs": at_ms, "expected": self.next_sequence, "found": sequence})
        self.next_sequence = sequence + 1
        self.samples += 1
        self.silences.event(at_ms)

    def report(self, from_ms, to_ms):
        return {
            "survived": self.ended is None and now_ms() - self.silences.last_ms < PATIENCE_MS,
            "ended": self.ended,
            "connectedAtMs": self.connected_ms,
            "lastArrivalAtMs": self.silences.last_ms,
            "samples": self.samples,
            "firstSequence": self.first_sequence,
            "holeCount": self.hole_count,
            "holes": self.holes,
            "gaps": self.silences.longest(from_ms, to_ms),
        }


if __name__ == "__main__":
    stream = Stream(connect(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
    threading.Thread(target=stream.read_forever, daemon=True).start()
    answer_reports(stream.report)
