"""Looks for known bytes in every frame of a device, until standard input closes and nothing is left to look at."""
import json
import select
import socket
import struct
import sys

ETH_P_ALL = 0x0003
SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_STATISTICS = 263, 6
# All of a move can wait here: a slow reader misses nothing.
BUFFER_BYTES = 1 << 30
FRAME_BYTES = 1 << 17
HEADERS_BYTES = 128


def main():
    parameters = json.loads(sys.stdin.readline())
    markers = {name: bytes.fromhex(text) for name, text in parameters["markers"].items()}
    counts = dict.fromkeys(markers, 0)
    frames = volume = 0
    tails = {}
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    packets.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
    packets.bind((parameters["device"], 0))
    print(json.dumps({"looking": True}), flush=True)
    while True:
        ready = select.select([packets, sys.stdin], [], [])[0]
        if packets not in ready:
            break
        frame, (_, _, kind, _, _) = packets.recvfrom(FRAME_BYTES)
        frames, volume = frames + 1, volume + len(frame)
        # What is cut in two by a frame's end is looked at too: the headers are 14, 20 and mostly 32 bytes.
        seen = tails.get(kind, b"") + frame[66:]
        for name, marker in markers.items():
            counts[name] += frame.count(marker) or seen.count(marker)
        tails[kind] = seen[-HEADERS_BYTES:] if len(frame) > 66 + HEADERS_BYTES else tails.get(kind, b"")
    _, dropped = struct.unpack("@II", packets.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    print(json.dumps({"frames": frames, "bytes": volume, "dropped": dropped, "found": counts}), flush=True)


main()
