"""Listens to the guest's diary: which of its records it knows to be durable. Connects again whenever it must.

usage: diary.py ADDRESS PORT
"""

import socket
import struct
import sys
import threading
import time

from answering import answer_reports, now_ms
from intervals import Silences

NUMBER = struct.Struct("<Q")
GAP_THRESHOLD_MS = 50
AGAIN_SECONDS = 0.2
# Of a guest that is gone nobody hears that it is: after so long it is asked anew.
PATIENCE_SECONDS = 3


class Diary:
    def __init__(self, address, port):
        self.address, self.port = address, port
        self.silences = Silences(GAP_THRESHOLD_MS, now_ms())
        self.newest = 0

    def listen_forever(self):
        while True:
            try:
                with socket.create_connection((self.address, self.port), timeout=PATIENCE_SECONDS) as connection:
                    self._hear(connection)
            except OSError:
                pass
            time.sleep(AGAIN_SECONDS)

    def _hear(self, connection):
        rest = b""
        while data := connection.recv(4096):
            rest += data
            whole = len(rest) - len(rest) % NUMBER.size
            for (number,) in NUMBER.iter_unpack(rest[:whole]):
                self.newest = max(self.newest, number)
                self.silences.event(now_ms())
            rest = rest[whole:]

    def report(self, from_ms, to_ms):
        return {
            "newest": self.newest,
            "heardAtMs": self.silences.last_ms,
            "gaps": self.silences.longest(from_ms, to_ms),
        }


if __name__ == "__main__":
    diary = Diary(sys.argv[1], int(sys.argv[2]))
    threading.Thread(target=diary.listen_forever, daemon=True).start()
    answer_reports(diary.report)
