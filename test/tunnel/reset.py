"""Sends one TCP reset in a frame in a VXLAN packet, as a tunnel's end would.

Parameters: {"to": address, "port", "vni", "source": {"mac", "address", "port"}, "destination": {...}, "sequence"}.
"""
import json
import socket
import struct
import sys

HAS_VNI = 0x08
ETHERTYPE_IPV4 = 0x0800
DO_NOT_FRAGMENT = 0x4000
HOPS = 64
HEADER_WORDS, RST = 5, 0x04


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(source, destination, sequence):
    """RFC 9293, section 3.1: the sum is taken over a pseudo-header too."""
    ends = socket.inet_aton(source["address"]) + socket.inet_aton(destination["address"])

    def header(total):
        ports = (source["port"], destination["port"])
        return struct.pack("!HHIIBBHHH", *ports, sequence, 0, HEADER_WORDS << 4, RST, 0, total, 0)

    return header(checksum(ends + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(header(0))) + header(0)))


def packet(source, destination, content):
    ends = (socket.inet_aton(source["address"]), socket.inet_aton(destination["address"]))

    def header(total):
        start = (4 << 4 | HEADER_WORDS, 0, 20 + len(content), 0, DO_NOT_FRAGMENT, HOPS, socket.IPPROTO_TCP)
        return struct.pack("!BBHHHBBH4s4s", *start, total, *ends)

    return header(checksum(header(0))) + content


def frame(source, destination, content):
    ends = (bytes.fromhex(end["mac"].replace(":", "")) for end in (destination, source))
    return struct.pack("!6s6sH", *ends, ETHERTYPE_IPV4) + content


def main():
    wanted = json.loads(sys.stdin.readline())
    source, destination = wanted["source"], wanted["destination"]
    inner = frame(source, destination, packet(source, destination, segment(source, destination, wanted["sequence"])))
    outer = struct.pack("!B3xI", HAS_VNI, wanted["vni"] << 8) + inner
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(outer, (wanted["to"], wanted["port"]))


main()
