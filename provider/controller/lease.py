"""
Holds a VM's lease at this host for as long as its controller is heard, and tells one that waits who has it.

The lease is a file: locked while it is held, it says who holds it and under which number. Pilots obey only the number
that stands there. Each number is higher than any before it, and the file goes when its holder does.
"""
import contextlib
import fcntl
import json
import os
import select
import sys
import time

POLL_SECONDS = 0.2


class Gone(Exception):
    """The controller closed its line, or was not heard for too long."""


class Controller:
    """Its first line holds the parameters; each further one is a beat, and is answered."""

    def __init__(self):
        self.buffer = b""
        self.heard = time.monotonic()
        self.silence_seconds = None

    def parameters(self):
        while b"\n" not in self.buffer:
            self._read()
        line, self.buffer = self.buffer.split(b"\n", 1)
        parameters = json.loads(line)
        self.silence_seconds = parameters["silenceMs"] / 1000
        return parameters

    def attend(self, seconds):
        """Answers beats for so long. Raises Gone."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if select.select([0], [], [], min(POLL_SECONDS, until - time.monotonic()))[0]:
                self._read()
            *beats, self.buffer = self.buffer.split(b"\n")
            for beat in beats:
                say(json.loads(beat))
            if time.monotonic() - self.heard > self.silence_seconds:
                raise Gone()

    def _read(self):
        data = os.read(0, 4096)
        if not data:
            raise Gone()
        self.buffer += data
        self.heard = time.monotonic()


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def take(path):
    """The lease's file, locked; None while somebody else has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had it may have removed it between the two calls: then this is nobody's file.
        if os.fstat(file).st_ino == os.stat(path).st_ino:
            return file
    os.close(file)
    return None


def read(file):
    """What stands in it, or nothing: it may be new, or its holder about to write."""
    try:
        return json.loads(os.pread(file, 4096, 0))
    except ValueError:
        return {}


def wait(controller, path):
    """Until the lease is this controller's. Says who has it, whenever that is somebody new."""
    told = None
    while True:
        file = take(path)
        if file is not None:
            return file
        with contextlib.suppress(FileNotFoundError):
            file = os.open(path, os.O_RDONLY)
            by = read(file)
            os.close(file)
            if by and by != told:
                told = by
                say({"kind": "held", "by": by})
        controller.attend(POLL_SECONDS)


def inscribe(file, claim):
    """Writes who holds it, durably; returns the number."""
    number = max(int(time.time() * 1000), read(file).get("number", 0) + 1)
    text = json.dumps({"schema": 1, "number": number, **claim}).encode()
    os.ftruncate(file, 0)
    os.pwrite(file, text, 0)
    os.fsync(file)
    return number


def main():
    controller = Controller()
    with contextlib.suppress(Gone, BrokenPipeError):
        parameters = controller.parameters()
        path = parameters["path"]
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        file = wait(controller, path)
        try:
            say({"kind": "taken", "number": inscribe(file, parameters["claim"])})
            while True:
                controller.attend(60)
        finally:
            os.unlink(path)


main()
