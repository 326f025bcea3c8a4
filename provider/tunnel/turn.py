"""The turn to another site, prepared so that one datagram makes it in a few milliseconds."""
import hmac
import select
import socket
import time


class Turn:
    """Says {"ready": port}; when triggered, {"turned": {...}}. Gone without a trace when its input closes before."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.address = wanted["address"]
        self.epoch = wanted["epoch"]
        key = bytes.fromhex(wanted["key"])
        self.order = self.message(key, "turn")
        self.answer = self.message(key, "turned")
        self.ignored = 0
        self.turned = False

    def message(self, key, verb):
        text = "%s %d" % (verb, self.epoch)
        return ("%s %s" % (text, hmac.new(key, text.encode(), "sha256").hexdigest())).encode()

    def stage(self):
        wanted = self.wanted
        self.filter = filter_of(wanted)
        with locked(wanted["folder"]):
            self.before = read_record(wanted)
            if self.before is None:
                raise Refusal("there is no such tunnel here")
            newest = newest_epoch(wanted, self.filter)
            if newest >= self.epoch:
                raise Refusal("epoch %d is not newer than epoch %d, which stands" % (self.epoch, newest))
            self.plan = forwarding_plan(wanted, self.address)
            self.prepared = prepare_record(wanted, self.address, self.epoch)
        # Started ahead: it waits for its commands on a pipe.
        self.bridge = subprocess.Popen(
            ["bridge", "-batch", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((wanted["local"], 0))
        return self.socket.getsockname()[1]

    def turn(self):
        """Filter first: from here on the old site is not heard. Any failure puts back what was."""
        began = time.monotonic_ns()
        with locked(self.wanted["folder"]) as folder:
            before = read_record(self.wanted)
            if before is None or before["epoch"] >= self.epoch:
                raise Refusal("the tunnel was changed since the turn was staged")
            plan = self.plan if before == self.before else forwarding_plan(self.wanted, self.address)
            try:
                self.filter.admit(self.address, self.epoch)
                _, errors = self.bridge.communicate(plan, timeout=2)
                if self.bridge.returncode != 0:
                    raise RuntimeError("bridge: %s" % errors.strip())
                at = time.monotonic_ns()
                commit_record(self.wanted, self.prepared, folder)
            except Exception:
                self.undo(before)
                raise
        self.turned = True
        return {"atNs": at, "tookMs": (time.monotonic_ns() - began) / 1e6, "ignored": self.ignored}

    def undo(self, before):
        # It must not act later than what undoes it.
        self.bridge.kill()
        self.bridge.wait()
        try:
            self.filter.admit(before["address"], before["epoch"])
        finally:
            tool("bridge", "-batch", "-", input=forwarding_plan(self.wanted, before["address"]))

    def hear(self):
        datagram, sender = self.socket.recvfrom(2048)
        if not hmac.compare_digest(datagram, self.order):
            self.ignored += 1
            return
        made = None if self.turned else self.turn()
        # The answer goes out before the report: who asked stands in the blackout, who reads the report does not.
        with contextlib.suppress(OSError):
            self.socket.sendto(self.answer, sender)
        if made:
            say({"turned": made})

    def serve(self):
        while True:
            readable, _, _ = select.select([self.socket, 0], [], [])
            if self.socket in readable:
                self.hear()
            if 0 in readable and not os.read(0, 4096):
                return

    def leave(self):
        if hasattr(self, "prepared"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.prepared)
        if hasattr(self, "bridge") and self.bridge.poll() is None:
            self.bridge.kill()
            self.bridge.wait()


def stage(wanted):
    turn = Turn(wanted)
    try:
        say({"ready": turn.stage()})
        turn.serve()
    finally:
        turn.leave()


WORK = {"establish": establish, "observe": observe, "dismantle": dismantle, "stage": stage}


def read_parameters():
    line = b""
    while not line.endswith(b"\n"):
        # A byte at a time: `select` must see whatever comes after the line.
        byte = os.read(0, 1)
        if not byte:
            sys.exit(1)
        line += byte
    return json.loads(line)


def main():
    wanted = read_parameters()
    try:
        say({"done": WORK[wanted["do"]](wanted)})
    except Refusal as reason:
        say({"refused": str(reason)})
    except Exception as reason:
        say({"failed": str(reason)})


main()
