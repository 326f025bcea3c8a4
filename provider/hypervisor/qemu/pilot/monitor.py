"""What both pilots share: a QEMU monitor, the controller's line, and a bridge's ports. Standard library only."""
import fcntl
import json
import select
import socket
import struct
import sys
import time

SIOCBRADDIF, SIOCBRDELIF = 0x89A2, 0x89A3


def say(kind, **fields):
    """One line to the controller."""
    sys.stdout.write(json.dumps({"kind": kind, **fields}) + "\n")
    sys.stdout.flush()


def now_ms():
    return time.monotonic() * 1000


class ControllerGone(Exception):
    """Standard input closed: whoever started this pilot is gone."""


class QemuFailed(Exception):
    """QEMU refused a command, its monitor closed, or it kept somebody waiting for too long."""


class Monitor:
    """A QMP connection. Every event is reported to the controller with the time it arrived."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.buffer = b""
        self.backlog = []
        self.watch_controller = True
        self._next()
        self.execute("qmp_capabilities")

    def execute(self, command, descriptors=(), **arguments):
        """What the command returned. Descriptors go with it to QEMU (getfd)."""
        arguments = {key.replace("_", "-"): value for key, value in arguments.items()}
        line = json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n"
        socket.send_fds(self.socket, [line], descriptors)
        while True:
            message = self._next()
            if "return" in message:
                return message["return"]
            if "error" in message:
                raise QemuFailed("%s: %s" % (command, message["error"]["desc"]))
            self._note(message)

    def wait(self, wanted, seconds=None):
        """The next event for which wanted(name, data) is true, those that already came included."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            while self.backlog:
                name, data = self.backlog.pop(0)
                if wanted(name, data):
                    return name, data
            self._note(self._next(deadline))

    def wait_migration(self, *statuses, seconds=None):
        return self.wait(lambda name, data: name == "MIGRATION" and data["status"] in statuses, seconds)[1]["status"]

    def _note(self, message):
        if "event" in message:
            name, data = message["event"], message.get("data", {})
            detail = data.get("status", data.get("device", ""))
            say("event", event=("%s %s" % (name, detail)).strip(), atMs=now_ms())
            self.backlog.append((name, data))

    def _next(self, deadline=None):
        while b"\n" not in self.buffer:
            sources = [self.socket] + ([sys.stdin] if self.watch_controller else [])
            patience = None if deadline is None else max(0, deadline - time.monotonic())
            ready = select.select(sources, [], [], patience)[0]
            if not ready:
                raise QemuFailed("nothing was heard of what the switchover waits for: is the path still up?")
            if self.socket in ready:
                data = self.socket.recv(65536)
                if not data:
                    raise QemuFailed("the monitor closed: QEMU has ended")
                self.buffer += data
            elif not sys.stdin.readline():
                raise ControllerGone()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)


def obey(warrant):
    """Raises QemuFailed unless the controller that sent this pilot still holds the VM's lease here."""
    if warrant is None:
        return
    try:
        with open(warrant["path"]) as file:
            number = json.load(file)["number"]
    except (OSError, ValueError):
        number = None
    if number != warrant["number"]:
        raise QemuFailed("its controller does not hold the VM's lease any more")


def bridge_port(request, bridge, device):
    """Adds or removes a bridge's port by ioctl: no process to start while the guest stands still."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        try:
            fcntl.ioctl(control, request, struct.pack("16si", bridge.encode(), socket.if_nametoindex(device)))
        except OSError as error:
            if error.errno not in (16, 22):  # EBUSY, EINVAL: it already is as asked
                raise
