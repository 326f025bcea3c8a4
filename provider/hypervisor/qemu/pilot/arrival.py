"""What is to be done at the destination once the record says that the VM is here."""

# A gateway answers within a round trip. The clients' neighbours are not left untold for one that does not.
PROMPT_MS = 2000
TURN_MS = 30000


class Turn:
    """A trigger for one gateway, repeated until the gateway answers that it turned."""

    def __init__(self, target):
        self.target = (target["address"], target["port"])
        key = bytes.fromhex(target["keyHex"])
        self.datagram = self._message(key, "turn %d" % target["epoch"])
        self.expected = self._message(key, "turned %d" % target["epoch"])
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.answered = False

    def send(self):
        with contextlib.suppress(OSError):  # a routed network that is down for a moment is what the repeats are for
            self.socket.sendto(self.datagram, self.target)

    def await_answer(self, deadline_ms):
        while not self.answered and now_ms() < deadline_ms:
            if select.select([self.socket], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    self.answered = hmac.compare_digest(self.socket.recv(512), self.expected)
            else:
                self.send()
        return self.answered

    def _message(self, key, text):
        return ("%s %s" % (text, hmac.new(key, text.encode(), hashlib.sha256).hexdigest())).encode()


def run_here(monitor, turns):
    """First of all: the guest runs, and its packets find it."""
    monitor.execute("cont")
    for turn in turns:
        turn.send()
    say("running", atMs=now_ms())


def all_turned(turns, deadline_ms):
    if not all([turn.await_answer(deadline_ms) for turn in turns]):
        return False
    say("turned", atMs=now_ms())
    return True


def end_offer(monitor, way):
    """The disks are no longer offered to where the VM comes from."""
    with contextlib.suppress(QemuFailed):  # it was ended already, where somebody died half-way
        monitor.execute("nbd-server-stop")
    for guard in way["guards"]:
        with contextlib.suppress(QemuFailed):  # none on a way that others answer for
            monitor.execute("object-del", id=guard)


def settle_in(monitor, turns, way):
    """Then, while it runs: the gateways are heard, the neighbours told; only now the source may let go of its own."""
    began_ms = now_ms()
    turned = all_turned(turns, began_ms + PROMPT_MS)
    monitor.execute("announce-self", initial=50, max=550, rounds=5, step=100)
    close_way(way)
    if not turned and not all_turned(turns, began_ms + TURN_MS):
        say("gateway-silent", atMs=now_ms())
    say("settled", atMs=now_ms())
