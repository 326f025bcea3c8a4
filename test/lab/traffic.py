"""Traffic between two namespaces under test.

usage: traffic.py serve ADDRESS            until killed: sinks TCP, echoes UDP; prints "ready"
       traffic.py connect ADDRESS          the quickest of five connections: {"connectMs": …}
       traffic.py flood ADDRESS SECONDS    what arrived from the second second on: {"mbps": …}
       traffic.py echo ADDRESS COUNT       datagrams that came back: {"answered": …}
"""
import json
import select
import socket
import sys
import threading
import time

PORT = 5555
CHUNK = bytes(1 << 18)
# On a busy machine a reader comes late: what its socket then has no room for was not lost by the path.
ROOM_BYTES = 8 << 20
SO_RCVBUFFORCE = 33


def sink(connection):
    """Reads to the end, then tells the rate of all that came later than a second after the first byte."""
    buffer = bytearray(1 << 20)
    total = counted = 0
    started = last = None
    while True:
        size = connection.recv_into(buffer)
        now = time.monotonic()
        if not size:
            break
        started = started or now
        total += size
        if now - started > 1:
            counted, last = counted + size, now
    mbps = counted * 8e-6 / (last - started - 1) if last else 0
    connection.sendall(json.dumps({"mbps": mbps, "bytes": total}).encode())
    connection.close()


def serve(address):
    listener = socket.create_server((address, PORT))
    datagrams = datagram_socket()
    datagrams.bind((address, PORT))
    threading.Thread(target=echo_all, args=(datagrams,), daemon=True).start()
    print("ready", flush=True)
    while True:
        threading.Thread(target=sink, args=(listener.accept()[0],), daemon=True).start()


def datagram_socket():
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM_BYTES)
    return datagrams


def echo_all(datagrams):
    while True:
        data, sender = datagrams.recvfrom(2048)
        datagrams.sendto(data, sender)


def connect(address):
    def once():
        started = time.monotonic()
        socket.create_connection((address, PORT), timeout=3).close()
        return (time.monotonic() - started) * 1000

    return {"connectMs": min(once() for _ in range(5))}


def flood(address, seconds):
    connection = socket.create_connection((address, PORT), timeout=10)
    deadline = time.monotonic() + float(seconds)
    while time.monotonic() < deadline:
        connection.sendall(CHUNK)
    connection.shutdown(socket.SHUT_WR)
    return json.loads(connection.recv(4096))


def echo(address, count):
    datagrams = datagram_socket()
    datagrams.connect((address, PORT))
    answered = 0

    def read(patience):
        nonlocal answered
        while select.select([datagrams], [], [], patience)[0]:
            datagrams.recv(2048)
            answered += 1

    for number in range(int(count)):
        datagrams.send(b"%d" % number)
        read(0.001)
    # A busy machine's delay line may rest for a while.
    read(5)
    return {"answered": answered}


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    print(json.dumps({"connect": connect, "flood": flood, "echo": echo}[sys.argv[1]](*sys.argv[2:])))
