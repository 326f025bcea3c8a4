"""Notes the time of every frame with a given source MAC that leaves by any device of this network namespace.

Not bound to a device, so that devices may come and go. Frames are picked and stamped by the kernel: what arrives late
here was not sent late.

usage: frames.py MAC
"""

import collections
import ctypes
import socket
import struct
import sys
import threading
import time

from answering import answer_reports, give_up, now_ms

ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
SO_ATTACH_FILTER = 26
# On a busy machine a reader comes late: the room is to last for seconds, whatever the machine allows by default.
SO_RCVBUFFORCE = 33
ROOM_BYTES = 16 << 20
SO_TIMESTAMPNS = 35
SOL_PACKET = 263
PACKET_STATISTICS = 6
COUNTS = struct.Struct("@II")  # struct tpacket_stats: packets, drops
SOCKADDR_LL = struct.Struct("@HHiHBB8s")
TIMESPEC = struct.Struct("@qq")
HEADER_BYTES = 64
# About a minute of the guest's stream on two devices.
MOST_KEPT = 200_000
MOST_REPORTED = 1000
ANCILLARY_BYTES = socket.CMSG_SPACE(TIMESPEC.size)

# Classic BPF: load word / half word at an absolute offset, jump if equal, return.
LOAD_WORD, LOAD_HALF, JUMP_EQUAL, RETURN = 0x20, 0x28, 0x15, 0x06
PACKET_TYPE = 0xFFFFF000 + 4  # SKF_AD_OFF + SKF_AD_PKTTYPE


def outgoing_filter(mac):
    """A program that passes the head of outgoing frames whose source is `mac`: six bytes from offset 6."""
    high, low = struct.unpack("!IH", mac)
    program = [
        (LOAD_WORD, 0, 0, PACKET_TYPE),
        (JUMP_EQUAL, 0, 5, PACKET_OUTGOING),
        (LOAD_WORD, 0, 0, 6),
        (JUMP_EQUAL, 0, 3, high),
        (LOAD_HALF, 0, 0, 10),
        (JUMP_EQUAL, 0, 1, low),
        (RETURN, 0, 0, HEADER_BYTES),
        (RETURN, 0, 0, 0),
    ]
    return b"".join(struct.pack("@HBBI", *step) for step in program), len(program)


def open_socket(mac):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # protocol 0: nothing comes in before the filter is set
    code, steps = outgoing_filter(mac)
    kept = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", steps, ctypes.addressof(kept)))
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM_BYTES)
    bind_to_all_devices(sock)
    return sock


def bind_to_all_devices(sock):
    """Python's bind() wants the name of a device that is there; the kernel takes index 0 for all, now and later."""
    address = SOCKADDR_LL.pack(socket.AF_PACKET, socket.htons(ETH_P_ALL), 0, 0, 0, 0, bytes(8))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.bind(sock.fileno(), address, len(address)) != 0:
        raise OSError(ctypes.get_errno(), "bind")


class Device:
    def __init__(self):
        self.count = 0
        self.first_ms = self.last_ms = None


class Frames:
    def __init__(self, sock):
        self.sock = sock
        self.kept = collections.deque(maxlen=MOST_KEPT)
        self.devices = collections.defaultdict(Device)
        self.lock = threading.Lock()
        self.counted_at_ms = now_ms()
        self.lossy = []

    def receive_forever(self):
        while True:
            try:
                _, ancillary, _, source = self.sock.recvmsg(HEADER_BYTES, ANCILLARY_BYTES)
            except OSError:
                continue  # A device that goes down says so once.
            stamp = next((data for _, kind, data in ancillary if kind == SO_TIMESTAMPNS), None)
            seconds, nanoseconds = TIMESPEC.unpack(stamp) if stamp else divmod(time.time_ns(), 10**9)
            to_monotonic_ns = time.monotonic_ns() - time.time_ns()
            self.take(source[0], (seconds * 10**9 + nanoseconds + to_monotonic_ns) / 1e6)

    def take(self, name, at_ms):
        with self.lock:
            device = self.devices[name]
            device.count += 1
            device.first_ms = at_ms if device.first_ms is None else device.first_ms
            device.last_ms = at_ms
            self.kept.append((at_ms, name))

    def report(self, from_ms, to_ms):
        with self.lock:
            kept = list(self.kept)
            devices = {
                name: {"count": device.count, "firstAtMs": device.first_ms, "lastAtMs": device.last_ms}
                for name, device in self.devices.items()
            }
        inside = [(at_ms, name) for at_ms, name in kept if from_ms <= at_ms <= to_ms]
        forgotten = len(kept) == MOST_KEPT and kept[0][0] > from_ms
        return {
            "count": len(inside),
            "complete": not forgotten and not self.dropped_between(from_ms, to_ms),
            "frames": [{"atMs": at_ms, "device": name} for at_ms, name in inside[-MOST_REPORTED:]],
            "devices": devices,
        }

    def count_drops_forever(self):
        while True:
            time.sleep(1)
            self.count_drops()

    def count_drops(self):
        """The kernel tells how many frames it could not keep since it was last asked, not when."""
        with self.lock:
            since_ms, self.counted_at_ms = self.counted_at_ms, now_ms()
            _, drops = COUNTS.unpack(self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, COUNTS.size))
            if drops:
                self.lossy.append((since_ms, self.counted_at_ms))

    def dropped_between(self, from_ms, to_ms):
        """Whether frames of the range may be missing; those lost before or after it do not matter to it."""
        self.count_drops()
        return any(start_ms <= to_ms and from_ms <= end_ms for start_ms, end_ms in self.lossy)


if __name__ == "__main__":
    try:
        packets = open_socket(bytes.fromhex(sys.argv[1].replace(":", "")))
    except OSError as error:
        give_up(f"no packet socket: {error}")
    frames = Frames(packets)
    for task in (frames.receive_forever, frames.count_drops_forever):
        threading.Thread(target=task, daemon=True).start()
    answer_reports(frames.report)
