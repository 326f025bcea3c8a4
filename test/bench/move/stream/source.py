"""Sends as much as one stream carries, over TCP or into a unix socket, for some seconds."""
import json
import socket
import sys
import time

parameters = json.loads(sys.stdin.readline())
chunk = bytes(1 << 20)
if "socket" in parameters:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(parameters["socket"])
else:
    connection = socket.create_connection((parameters["address"], parameters["port"]))
end = time.monotonic() + parameters["seconds"]
with connection:
    while time.monotonic() < end:
        connection.sendall(chunk)
