"""What every pilot has: a QEMU monitor, and a voice towards the controller. Standard library only."""
import contextlib
import json
import os
import select
import socket
import time

# Whoever is attended to beside QEMU gets a turn at least this often.
TURN_SECONDS = 0.1
GREETING_SECONDS = 5


def say(kind, **fields):
    """One line to the controller. That nobody listens any more is no reason to leave a job half done."""
    with contextlib.suppress(OSError):
        os.write(1, (json.dumps({"kind": kind, **fields}) + "\n").encode())


def now_ms():
    return time.monotonic() * 1000


class QemuFailed(Exception):
    """QEMU refused a command, its monitor closed, or it kept somebody waiting for too long."""


class Monitor:
    """
    A QMP connection. Every event is reported to the controller with the time it arrived.
    While it waits it attends to others: each has fileno() and attend(readable), which may raise to end the wait.
    """

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.buffer = b""
        self.backlog = []
        self.attendants = []
        self.asked = 0
        self._next(time.monotonic() + GREETING_SECONDS, "QEMU's monitor %s serves somebody else" % path)
        self.execute("qmp_capabilities")

    def execute(self, command, descriptors=(), seconds=None, **arguments):
        """What the command returned; `seconds`: how long that may take. Descriptors go with it to QEMU (getfd)."""
        deadline = float("inf") if seconds is None else time.monotonic() + seconds
        arguments = {key.replace("_", "-"): value for key, value in arguments.items()}
        self.asked = number = self.asked + 1
        line = json.dumps({"execute": command, "arguments": arguments, "id": number}).encode() + b"\n"
        socket.send_fds(self.socket, [line], descriptors)
        while True:
            message = self._next(deadline, "QEMU does not answer %s" % command)
            self._note(message)
            # The answer to a command whose wait was broken off may still come first.
            if message.get("id") != number:
                continue
            if "error" in message:
                raise QemuFailed("%s: %s" % (command, message["error"]["desc"]))
            return message["return"]

    def wait(self, wanted, seconds=None):
        """The next event for which wanted(name, data) is true, those that already came included."""
        deadline = float("inf") if seconds is None else time.monotonic() + seconds
        while True:
            while self.backlog:
                name, data = self.backlog.pop(0)
                if wanted(name, data):
                    return name, data
            self._note(self._next(deadline, "nothing was heard of what the switchover waits for"))

    def wait_migration(self, *statuses, seconds=None):
        return self.wait(lambda name, data: name == "MIGRATION" and data["status"] in statuses, seconds)[1]["status"]

    def attend_until(self, met, seconds=None):
        """Goes on listening, to QEMU and all others, until met() is true; whether it became so in time."""
        deadline = float("inf") if seconds is None else time.monotonic() + seconds
        while not met():
            patience = min(TURN_SECONDS, deadline - time.monotonic())
            if b"\n" in self.buffer:
                self._note(self._next())
            elif patience < 0:
                return False
            else:
                self._listen(patience)
        return True

    def heard(self, name):
        """Whether such an event has come and nobody has waited for it yet."""
        return any(event == name for event, _ in self.backlog)

    def is_open(self):
        """False once QEMU has ended, without asking it anything."""
        # Not by reading: of a QEMU that has ended there may be words that nobody has read yet.
        poll = select.poll()
        poll.register(self.socket, select.POLLRDHUP)
        return not poll.poll(0)

    def _note(self, message):
        if "event" in message:
            name, data = message["event"], message.get("data", {})
            detail = data.get("status", data.get("device", ""))
            say("event", event=("%s %s" % (name, detail)).strip(), atMs=now_ms())
            self.backlog.append((name, data))

    def _next(self, deadline=float("inf"), late=""):
        while b"\n" not in self.buffer:
            patience = min(TURN_SECONDS, deadline - time.monotonic())
            if patience < 0:
                raise QemuFailed(late)
            self._listen(patience)
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def _listen(self, seconds):
        ready = select.select([self.socket, *self.attendants], [], [], seconds)[0]
        for attendant in list(self.attendants):
            attendant.attend(attendant in ready)
        if self.socket in ready:
            data = self.socket.recv(65536)
            if not data:
                raise QemuFailed("the monitor closed: QEMU has ended")
            self.buffer += data
