"""Sends an ICMP echo request every 50 ms, whether or not the last one was answered.

usage: ping.py ADDRESS
"""

import array
import os
import socket
import struct
import sys
import threading
import time

from answering import answer_reports, give_up, now_ms
from intervals import Silences

PERIOD_S = 0.05
ECHO_REQUEST = 8
ECHO_REPLY = 0
HEADER = struct.Struct("!BBHHH")
# Which request a reply belongs to: the 16 bits of ICMP's own sequence come round in an hour.
INDEX = struct.Struct("!Q")
# A request younger than this may yet be answered.
PATIENCE_MS = 1000


def checksum(data):
    total = sum(word for (word,) in struct.iter_unpack("!H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo_request(identifier, index):
    payload = INDEX.pack(index)
    header = HEADER.pack(ECHO_REQUEST, 0, 0, identifier, index & 0xFFFF)
    header = HEADER.pack(ECHO_REQUEST, 0, checksum(header + payload), identifier, index & 0xFFFF)
    return header + payload


class Ping:
    def __init__(self, sock, address):
        self.sock = sock
        self.address = address
        self.identifier = os.getpid() & 0xFFFF
        self.sent_ms = array.array("d")
        self.answered_ms = array.array("d")
        self.silences = Silences(PERIOD_S * 1000, now_ms())

    def send_forever(self):
        next_s = time.monotonic()
        while True:
            index = len(self.sent_ms)
            self.answered_ms.append(0)
            self.sent_ms.append(now_ms())
            try:
                self.sock.sendto(echo_request(self.identifier, index), (self.address, 0))
            except OSError:
                pass  # No way there just now: it counts as sent and lost.
            next_s = max(next_s + PERIOD_S, time.monotonic())
            time.sleep(max(0, next_s - time.monotonic()))

    def receive_forever(self):
        while True:
            packet = self.sock.recv(2048)
            at_ms = now_ms()
            start = (packet[0] & 15) * 4
            if len(packet) < start + HEADER.size + INDEX.size:
                continue
            kind, _, _, identifier, _ = HEADER.unpack_from(packet, start)
            (index,) = INDEX.unpack_from(packet, start + HEADER.size)
            if kind != ECHO_REPLY or identifier != self.identifier or index >= len(self.sent_ms):
                continue
            if self.answered_ms[index] == 0:
                self.answered_ms[index] = at_ms
                self.silences.event(at_ms)

    def report(self, from_ms, to_ms):
        patient_until = now_ms() - PATIENCE_MS
        sent = answered = lost = 0
        for sent_ms, answered_ms in zip(list(self.sent_ms), list(self.answered_ms)):
            if not from_ms <= sent_ms <= to_ms:
                continue
            sent += 1
            answered += answered_ms != 0
            lost += answered_ms == 0 and sent_ms < patient_until
        return {
            "sent": sent,
            "answered": answered,
            "lost": lost,
            "lastReplyAtMs": self.silences.last_ms,
            "gaps": self.silences.longest(from_ms, to_ms),
        }


if __name__ == "__main__":
    try:
        icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    except OSError as error:
        give_up(f"no raw socket: {error}")
    ping = Ping(icmp, sys.argv[1])
    threading.Thread(target=ping.receive_forever, daemon=True).start()
    threading.Thread(target=ping.send_forever, daemon=True).start()
    answer_reports(ping.report)
