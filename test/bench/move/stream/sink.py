"""Takes in one stream, of TCP or at a unix socket: says the port that it listens on, then how much came."""
import json
import socket
import sys

parameters = json.loads(sys.stdin.readline())
if "socket" in parameters:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(parameters["socket"])
    listener.listen()
    print(json.dumps({"port": 0}), flush=True)
else:
    listener = socket.create_server((parameters["address"], 0))
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
connection, _ = listener.accept()
room = bytearray(1 << 20)
received = 0
while count := connection.recv_into(room):
    received += count
print(json.dumps({"receivedBytes": received}), flush=True)
