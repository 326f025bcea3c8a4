"""A stream of numbered datagrams, one every 2 ms: `receive ADDRESS` prints "ready", then what came; `send ADDRESS SECONDS` sends it."""
import contextlib
import json
import os
import socket
import sys
import time

PORT = 5002
EVERY_S = 0.002
PAYLOAD = bytes(1_000)
LAST = 1 << 62


def receive(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        ear.bind((address, PORT))
        ear.settimeout(30)
        print("ready", flush=True)
        came, longest_s, last_at = [], 0, None
        while (number := int.from_bytes(ear.recv(2_048)[:8], "big")) < LAST:
            now = time.monotonic()
            longest_s = max(longest_s, now - (last_at or now))
            last_at = now
            came.append(number)
        missing = number - LAST - len(set(came))
        print(json.dumps({"received": len(came), "missing": missing, "longestPauseMs": longest_s * 1_000}), flush=True)


def send(address, seconds):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.connect((address, PORT))
        number, start = 0, time.monotonic()
        while (now := time.monotonic()) < start + seconds:
            mouth.send(number.to_bytes(8, "big") + PAYLOAD)
            number += 1
            time.sleep(max(0, start + number * EVERY_S - now))
        mouth.send((LAST + number).to_bytes(8, "big"))


# What else goes on at the machine is not to be measured.
with contextlib.suppress(PermissionError):
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
if sys.argv[1] == "receive":
    receive(sys.argv[2])
else:
    send(sys.argv[2], float(sys.argv[3]))
