"""What is to be done at the destination once the record says that the VM is here."""


class Turn:
    """A trigger for one gateway, repeated until the gateway answers that it turned."""

    def __init__(self, target):
        self.target = (target["address"], target["port"])
        key = bytes.fromhex(target["keyHex"])
        self.datagram = self._message(key, "turn %d" % target["epoch"])
        self.expected = self._message(key, "turned %d" % target["epoch"])
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self):
        with contextlib.suppress(OSError):  # a routed network that is down for a moment is what the repeats are for
            self.socket.sendto(self.datagram, self.target)

    def await_answer(self, deadline_ms):
        while now_ms() < deadline_ms:
            if select.select([self.socket], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    if hmac.compare_digest(self.socket.recv(512), self.expected):
                        return True
            else:
                self.send()
        return False

    def _message(self, key, text):
        return ("%s %s" % (text, hmac.new(key, text.encode(), hashlib.sha256).hexdigest())).encode()


def run_here(monitor, turns):
    """First of all: the guest runs, and its packets find it."""
    monitor.execute("cont")
    for turn in turns:
        turn.send()
    say("running", atMs=now_ms())


def settle_in(monitor, turns, nodes, way):
    """Then, while it runs: the gateways are heard, the neighbours told, the disks flushed."""
    deadline_ms = now_ms() + 30000
    turned = all([turn.await_answer(deadline_ms) for turn in turns])
    say("turned" if turned else "gateway-silent", atMs=now_ms())
    monitor.execute("announce-self", initial=50, max=550, rounds=5, step=100)
    with contextlib.suppress(QemuFailed):  # it was stopped already, where somebody died half-way
        monitor.execute("nbd-server-stop")
    for guard in way["guards"]:
        with contextlib.suppress(QemuFailed):  # none on a way that others answer for
            monitor.execute("object-del", id=guard)
    close_way(way)
    for node in nodes:
        monitor.execute("human-monitor-command", command_line='qemu-io %s flush' % node)
    say("flushed", atMs=now_ms())
