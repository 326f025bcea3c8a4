"""A TCP connection to a guest that may not be up yet."""

import socket
import time

from answering import give_up


def connect(address, port, seconds):
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection = socket.create_connection((address, port), timeout=2)
            connection.settimeout(None)
            return connection
        except OSError as error:
            if time.monotonic() > deadline:
                give_up(f"no connection to {address} port {port} in {seconds:g} s: {error}")
            time.sleep(0.1)
