"""Sends as much as one TCP stream carries, for some seconds."""
import json
import socket
import sys
import time

parameters = json.loads(sys.stdin.readline())
chunk = bytes(1 << 20)
end = time.monotonic() + parameters["seconds"]
with socket.create_connection((parameters["address"], parameters["port"])) as connection:
    while time.monotonic() < end:
        connection.sendall(chunk)
