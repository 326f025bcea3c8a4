"""A second process beside a pilot, which outlives it, its connection and its controller."""
import signal


def detach(work):
    """
    Runs work(leash) in a process of its own: another session, deaf to hang-ups, holding none of the pilot's streams.
    Returns the pilot's end of the leash, a pipe that tells of the pilot's progress and, by its closing, of its end.
    """
    held, pulled = os.pipe()
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # Not the leader of its session, and init's child: nobody's terminal and nobody's zombie.
        if os.fork() == 0:
            os.close(pulled)
            os.chdir("/")
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
            with contextlib.suppress(Exception):
                work(Leash(held))
        os._exit(0)
    os.wait()
    os.close(held)
    return pulled


class Leash:
    """The guardian's end: every word the pilot said, and whether the pilot has ended."""

    def __init__(self, pipe):
        self.pipe = pipe
        self.words = []
        self.broken = False

    def fileno(self):
        return self.pipe

    def attend(self, readable):
        if not readable or self.broken:
            return
        data = os.read(self.pipe, 4096)
        self.words += data.decode().split()
        self.broken = not data


def tell(leash, word):
    """It has been told when this returns, whatever becomes of the pilot next."""
    os.write(leash, ("%s\n" % word).encode())
