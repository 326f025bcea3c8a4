"""Notes, ten times a second, how much the devices of this network namespace whose names begin alike have sent in all.

usage: bytes.py PREFIX
"""

import collections
import sys
import threading
import time

from answering import answer_reports, now_ms

PERIOD_S = 0.1
# Half an hour.
MOST_KEPT = 18_000
# Of the columns behind a device's name in /proc/net/dev, the one with the bytes it sent.
SENT = 8


def sent_bytes(prefix):
    total = 0
    with open("/proc/thread-self/net/dev") as devices:
        for line in devices:
            name, found, counts = line.partition(":")
            if found and name.strip().startswith(prefix):
                total += int(counts.split()[SENT])
    return total


def note_forever(prefix, kept):
    while True:
        kept.append((now_ms(), sent_bytes(prefix)))
        time.sleep(PERIOD_S)


if __name__ == "__main__":
    notes = collections.deque(maxlen=MOST_KEPT)
    threading.Thread(target=note_forever, args=(sys.argv[1], notes), daemon=True).start()
    answer_reports(
        lambda from_ms, to_ms: {
            "notes": [{"atMs": at, "sentBytes": sent} for at, sent in list(notes) if from_ms <= at <= to_ms]
        }
    )
