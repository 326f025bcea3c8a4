"""Brings loopback ports of the machine into the lab.

usage: forward.py NETNS PORT=ADDRESS:PORT...

The listeners belong to the machine's own network namespace, where this starts; then the process moves into NETNS,
and every connection it makes starts there: no lab address is ever needed outside.
"""
import asyncio
import ctypes
import socket
import struct
import sys

CLONE_NEWNET = 0x40000000
CHUNK = 65536


def enter(namespace):
    """Moves this process into a named network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/run/netns/" + namespace, "rb") as handle:
        if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "cannot enter namespace " + namespace)


def listen(port):
    """A listener that only this machine can reach."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def parse(rule):
    """"2201=192.0.2.10:22" as (2201, ("192.0.2.10", 22))."""
    port, target = rule.split("=")
    address, target_port = target.split(":")
    return int(port), (address, int(target_port))


async def pump(reader, writer):
    """Carries one direction to its end, then says so to the receiver, who may still answer."""
    while True:
        data = await reader.read(CHUNK)
        if not data:
            break
        writer.write(data)
        await writer.drain()
    writer.write_eof()


def reset(writer):
    """Breaks a connection off, so that its peer does not take it for a proper end."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def join(near, far):
    """Carries both directions; if either breaks, both connections are reset."""
    pumps = [asyncio.ensure_future(pump(near[0], far[1])), asyncio.ensure_future(pump(far[0], near[1]))]
    try:
        await asyncio.gather(*pumps)
    except OSError:
        for one in (near[1], far[1]):
            reset(one)
    finally:
        for one in pumps:
            one.cancel()
        for one in (near[1], far[1]):
            one.close()


def forwarder(target):
    """A handler of connections that leads them to `target` (asyncio sets TCP_NODELAY on both sides)."""

    async def handle(reader, writer):
        try:
            far = await asyncio.wait_for(asyncio.open_connection(*target), timeout=10)
        except (OSError, asyncio.TimeoutError):
            reset(writer)
            return
        await join((reader, writer), far)

    return handle


async def serve(listeners):
    servers = [await asyncio.start_server(forwarder(target), sock=listener) for listener, target in listeners]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main():
    namespace, *rules = sys.argv[1:]
    listeners = []
    for port, target in map(parse, rules):
        try:
            listeners.append((listen(port), target))
        except OSError as failure:
            sys.exit("port 127.0.0.1:%d cannot be opened: %s" % (port, failure.strerror))
    enter(namespace)
    asyncio.run(serve(listeners))


main()
