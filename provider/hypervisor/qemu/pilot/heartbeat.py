"""Heartbeats over the lightpath: the source's pilot beats, the destination's echoes."""

BEAT_SECONDS = 0.25
# Guest writes may wait for a path that is dead, so this long at most.
PATH_SILENCE_SECONDS = 2
# A guest's writes wait for the destination's QEMU too, but a busy one is not dead.
QEMU_SILENCE_SECONDS = 5
# By then the source has long given up by itself, unless it is no more.
SOURCE_SILENCE_SECONDS = 10
# linux/in.h: the path's MTU is asked for, and never fragmented below.
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU = 10, 2, 14
HEADERS_BYTES = 28


class PathSilent(Exception):
    """The other pilot, or its QEMU, has not been heard for too long."""


class Attention:
    """For how long its owner was held up itself: whatever came meanwhile may not have got here yet, and nobody is accused of it."""

    def __init__(self):
        self.looked_at = time.monotonic()

    def lapse(self):
        """Seconds for which nobody looked, before now; 0 if somebody did."""
        lapsed, self.looked_at = time.monotonic() - self.looked_at, time.monotonic()
        return lapsed if lapsed > BEAT_SECONDS else 0


class Heart:
    """
    The source's. A beat fills a whole frame, because a path that passes only short ones is dead to the copies. Silence
    is counted from the first beat that was not answered, without the time for which this pilot was held up itself.
    """

    def __init__(self, seal, local, peer):
        self.seal = seal
        self.attention = Attention()
        self.socket = datagram_socket(local)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        self.socket.connect((peer["address"], peer["port"]))
        self.sent = self.echoed = 0
        self.next_beat = self.qemu_age = 0
        self.unanswered_since = None
        self.role = None

    def fileno(self):
        return self.socket.fileno()

    def attend(self, _readable=False):
        """Listens and beats. Raises PathSilent."""
        lapse = self.attention.lapse()
        if self.unanswered_since is not None:
            self.unanswered_since += lapse
        for datagram, _ in datagrams(self.socket):
            verb, fields = self.seal.open(datagram)
            if verb == "echo":
                self._hear(*fields)
        now = time.monotonic()
        if now >= self.next_beat:
            self._beat(now)
        if now - self.unanswered_since > PATH_SILENCE_SECONDS:
            raise PathSilent("nothing came back over the lightpath for %d s" % PATH_SILENCE_SECONDS)
        if self.qemu_age > QEMU_SILENCE_SECONDS:
            raise PathSilent("the destination's QEMU has not answered its pilot for %d s" % QEMU_SILENCE_SECONDS)

    def tell_drained(self):
        """Ahead of the last memory: no write to a disk follows. Lost, it costs the destination's flush a place in the blackout."""
        with contextlib.suppress(OSError):
            self.socket.send(self.seal.close("drained"))

    def _hear(self, number, role, qemu_age):
        # What was recorded there stays so; only a new echo shows that the path is alive, not one that is played again.
        if role == "active":
            self.role = role
        if int(number) > self.echoed:
            self.echoed = int(number)
            self.qemu_age = float(qemu_age)
            self.unanswered_since = time.monotonic()

    def _beat(self, now):
        self.sent += 1
        self.next_beat = now + BEAT_SECONDS
        if self.unanswered_since is None or self.echoed == self.sent - 1:
            self.unanswered_since = now
        with contextlib.suppress(OSError):
            room = self.socket.getsockopt(socket.IPPROTO_IP, IP_MTU) - HEADERS_BYTES
            self.socket.send(self.seal.close("beat", self.sent).ljust(room))


class Echo:
    """The destination's. It vouches for its QEMU: each echo says how long ago that answered."""

    def __init__(self, seal, local):
        self.seal = seal
        self.attention = Attention()
        self.socket = datagram_socket(local)
        self.heard = 0
        self.peer = None
        self.role = "incoming"
        self.drained = False
        self.heard_at = float("inf")
        self.qemu_answered = time.monotonic()

    def fileno(self):
        return self.socket.fileno()

    def attend(self, readable):
        """Listens and answers. Raises PathSilent, but not once the VM is here: it is no longer waited for."""
        self.heard_at += self.attention.lapse()
        if not readable:
            self._look_at_clock()
            return
        for datagram, sender in datagrams(self.socket):
            verb, fields = self.seal.open(datagram)
            if verb == "beat" and int(fields[0]) > self.heard:
                self.heard, self.peer, self.heard_at = int(fields[0]), sender, time.monotonic()
                self.tell()
            elif verb == "drained":
                self.drained = True

    def vouch(self):
        self.qemu_answered = time.monotonic()

    def _look_at_clock(self):
        if self.role == "incoming" and time.monotonic() - self.heard_at > SOURCE_SILENCE_SECONDS:
            raise PathSilent("nothing was heard from the source over the lightpath for %d s" % SOURCE_SILENCE_SECONDS)

    def tell(self):
        """To whoever beat last, what stands here; unasked when the role has changed, which the source waits for."""
        age = "%.1f" % (time.monotonic() - self.qemu_answered)
        with contextlib.suppress(OSError):
            self.socket.sendto(self.seal.close("echo", self.heard, self.role, age), self.peer)
