"""Either end of TCP sessions, both in the hands of the kernel.

Parameters: {"do": "serve" | "open", "address", "port"}. Says {"ready": port} first, its own, and ends with its input.
serve: echoes all that comes; {"lost": error} of every session that breaks.
open: one session. {"say": text} is answered by {"heard": text}, {"ask": "numbers"} by {"numbers": {"expects", "sends"}},
the sequence numbers of the next byte either way; {"lost": error} once it breaks, asked or not.
"""
import errno
import json
import select
import socket
import sys

# linux/tcp.h; not in the socket module.
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
REPAIR_ON, REPAIR_OFF_SILENTLY = 1, -1
RECEIVE_QUEUE, SEND_QUEUE = 1, 2
PATIENCE_SECONDS = 20


def say(message):
    print(json.dumps(message), flush=True)


def lost(reason):
    say({"lost": errno.errorcode.get(reason.errno, str(reason))})


def echo(session):
    """Whether it goes on."""
    try:
        data = session.recv(65536)
        session.sendall(data)
        return bool(data)
    except OSError as reason:
        lost(reason)
        return False


def serve(address, port):
    listener = socket.create_server((address, port))
    say({"ready": port})
    sessions = set()
    while True:
        readable = select.select([sys.stdin, listener, *sessions], [], [])[0]
        if sys.stdin in readable:
            return
        if listener in readable:
            sessions.add(listener.accept()[0])
        sessions -= {session for session in sessions.intersection(readable) if not echo(session)}


def exchange(session, text):
    session.sendall(text.encode())
    heard = b""
    while len(heard) < len(text.encode()):
        data = session.recv(65536)
        if not data:
            raise ConnectionError("it was closed")
        heard += data
    return heard.decode()


def numbers(session):
    def next_byte(queue):
        session.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        return session.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) % 2**32

    session.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
    try:
        return {"expects": next_byte(RECEIVE_QUEUE), "sends": next_byte(SEND_QUEUE)}
    finally:
        session.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_SILENTLY)


def keep_open(address, port):
    session = socket.create_connection((address, port), timeout=PATIENCE_SECONDS)
    say({"ready": session.getsockname()[1]})
    try:
        while True:
            if session in select.select([sys.stdin, session], [], [])[0]:
                # Nothing was asked, so it is no data.
                session.recv(1)
                raise ConnectionError("it was closed")
            line = sys.stdin.readline()
            if not line:
                return
            order = json.loads(line)
            say({"heard": exchange(session, order["say"])} if "say" in order else {"numbers": numbers(session)})
    except OSError as reason:
        lost(reason)


def main():
    wanted = json.loads(sys.stdin.readline())
    {"serve": serve, "open": keep_open}[wanted["do"]](wanted["address"], wanted["port"])


main()
