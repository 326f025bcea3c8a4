"""One wavelength of the long-haul span: a delay line between two TAP devices, for kernels without netem.

usage: span.py NETNS:DEVICE NETNS:DEVICE --rtt-ms R --rate-mbps M --loss-percent L

Frames carry a virtio-net header, so that the kernel hands over TCP segments unsegmented (up to 64 KiB at once):
that is what lets Python keep up with a gigabit. Both devices live as long as this process.
"""
import argparse
import collections
import ctypes
import errno
import fcntl
import gc
import os
import random
import select
import signal
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, TUNSETOFFLOAD, TUNSETVNETHDRSZ = 0x400454CA, 0x400454D0, 0x400454D8
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
OFFLOAD_TCP = 0x01 | 0x02 | 0x04 | 0x08  # checksums, TSO over IPv4 and IPv6, with ECN
OFFLOAD_UDP = 0x20 | 0x40  # USO over IPv4 and IPv6: Linux 6.2 and later
VNET_HEADER = struct.Struct("<BBHH")  # flags, gso_type, hdr_len, gso_size, then two fields unused here
VNET_HEADER_BYTES = 10
LARGEST_READ = VNET_HEADER_BYTES + 65536 + 64
FRAMES_PER_TURN = 64
ETHERNET_OVERHEAD = 24  # preamble, checksum and gap: on the wire, though not in the frame
QUEUE_SECONDS = 0.2


def enter(namespace):
    """Moves this process into a named network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/run/netns/" + namespace, "rb") as handle:
        if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "cannot enter namespace " + namespace)


def open_tap(end):
    """Creates the TAP device of "NETNS:DEVICE" and returns its file descriptor."""
    namespace, device = end.split(":")
    enter(namespace)
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", device.encode(), flags))
    fcntl.ioctl(tap, TUNSETVNETHDRSZ, struct.pack("i", VNET_HEADER_BYTES))
    try:
        fcntl.ioctl(tap, TUNSETOFFLOAD, OFFLOAD_TCP | OFFLOAD_UDP)
    except OSError:
        fcntl.ioctl(tap, TUNSETOFFLOAD, OFFLOAD_TCP)
    return tap


class Direction:
    """One way along the span: frames read from `source` come out of `target` when their time has come."""

    def __init__(self, source, target, options):
        self.source = source
        self.target = target
        self.delay = options.rtt_ms / 2000
        self.seconds_per_byte = 8 / (options.rate_mbps * 1e6)
        self.survival = 1 - options.loss_percent / 100
        self.wire_free_at = 0.0
        self.in_flight = collections.deque()

    def take_in(self):
        """Reads what waits at the source. Raises OSError when the device is gone."""
        for _ in range(FRAMES_PER_TURN):
            try:
                frame = os.read(self.source, LARGEST_READ)
            except BlockingIOError:
                return
            self.accept(frame, time.monotonic())

    def accept(self, frame, now):
        """Gives a frame its place on the wire, or drops it: queue full, or lost by chance."""
        segments, wire_bytes = wire_size(frame)
        start = max(self.wire_free_at, now)
        if start - now > QUEUE_SECONDS:
            return
        if self.survival < 1 and random.random() >= self.survival**segments:
            return
        self.wire_free_at = start + wire_bytes * self.seconds_per_byte
        self.in_flight.append((self.wire_free_at + self.delay, frame))

    def give_out(self):
        """Writes what has arrived. A port that is down, or full, loses the frame, as light would be lost."""
        queue = self.in_flight
        while queue and queue[0][0] <= time.monotonic():
            try:
                os.write(self.target, queue.popleft()[1])
            except OSError as failure:
                if failure.errno == errno.EBADFD:
                    raise


def wire_size(frame):
    """How many Ethernet frames these are once segmented, and how many bytes on the wire."""
    size = len(frame) - VNET_HEADER_BYTES
    _, gso_type, header_bytes, gso_bytes = VNET_HEADER.unpack_from(frame)
    segments = 1
    if gso_type and gso_bytes:
        segments = max(1, -(-(size - header_bytes) // gso_bytes))
    return segments, size + (segments - 1) * header_bytes + segments * ETHERNET_OVERHEAD


def carry(directions):
    """Carries frames until a device goes away."""
    by_source = {direction.source: direction for direction in directions}
    sources = list(by_source)
    while True:
        due = min((d.in_flight[0][0] for d in directions if d.in_flight), default=None)
        # select, since its timeout has microseconds; poll and epoll round to milliseconds.
        patience = None if due is None else max(0.0, due - time.monotonic())
        readable, _, _ = select.select(sources, [], [], patience)
        for direction in directions:
            direction.give_out()
        for source in readable:
            by_source[source].take_in()


def main():
    parser = argparse.ArgumentParser(description="One wavelength of the long-haul span.")
    parser.add_argument("ends", nargs=2, metavar="NETNS:DEVICE")
    parser.add_argument("--rtt-ms", type=float, required=True)
    parser.add_argument("--rate-mbps", type=float, required=True)
    parser.add_argument("--loss-percent", type=float, required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # Punctual although emulated CPUs keep the machine busy; nothing here makes reference cycles.
    os.setpriority(os.PRIO_PROCESS, 0, -10)
    gc.disable()
    one, other = (open_tap(end) for end in options.ends)
    try:
        carry([Direction(one, other, options), Direction(other, one, options)])
    except OSError as failure:
        sys.exit("the span ends: " + str(failure))


main()
