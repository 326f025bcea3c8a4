"""Measures a TCP stream: `receive ADDRESS` prints "ready", then the Mbit/s; `send ADDRESS SECONDS` fills the path."""
import socket
import sys
import time

PORT = 5001
CHUNK = 1 << 20


def receive(address):
    with socket.create_server((address, PORT)) as server:
        print("ready", flush=True)
        stream, _ = server.accept()
        started, total = time.monotonic(), 0
        while True:
            data = stream.recv(CHUNK)
            if not data:
                break
            total += len(data)
        print(total * 8 / 1e6 / (time.monotonic() - started), flush=True)


def send(address, seconds):
    chunk = bytes(CHUNK)
    with socket.create_connection((address, PORT)) as stream:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            stream.sendall(chunk)


if sys.argv[1] == "receive":
    receive(sys.argv[2])
else:
    send(sys.argv[2], float(sys.argv[3]))
