"""Relays lines between standard input and output and a TCP port: a line client for a namespace one is not in.

The first line it writes is {"ready": true} or {"error": reason}; all others come from the other side.

usage: line.py ADDRESS PORT CONNECT_SECONDS
"""

import os
import sys
import threading

from answering import write
from connecting import connect


def copy_answers(connection):
    try:
        while data := connection.recv(65536):
            os.write(1, data)
    except OSError:
        pass
    os._exit(0)  # The main thread is blocked in a read that nothing will end.


if __name__ == "__main__":
    guest = connect(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
    write({"ready": True})
    threading.Thread(target=copy_answers, args=(guest,), daemon=True).start()
    for line in sys.stdin:
        guest.sendall(line.encode())
