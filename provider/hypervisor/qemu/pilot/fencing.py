"""After migrate-continue: whether the guest may go on at the source is the destination's to say, over any path."""

ASK_SECONDS = 0.2
# Some times as long as an outage that a move survives: a keeper that is not told stays for ten minutes.
FAREWELL_SECONDS = 15


class Question:
    """Asked over every way at once, again and again, until one answer comes."""

    def __init__(self, parameters, question, answers):
        self.seal = Seal(parameters["key"], parameters["epoch"])
        self.ways = [(way["address"], way["port"]) for way in parameters["ways"]]
        self.directory = parameters["directory"]
        self.question, self.answers = question, answers
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.next_ask = 0
        self.answer = None

    def fileno(self):
        return self.socket.fileno()

    def attend(self, _readable=False):
        for datagram, _ in datagrams(self.socket):
            verb, _ = self.seal.open(datagram)
            if verb in self.answers:
                self.answer = verb
        if self.answer is None and time.monotonic() >= self.next_ask:
            self.next_ask = time.monotonic() + ASK_SECONDS
            for way in self.ways:
                with contextlib.suppress(OSError):
                    self.socket.sendto(self.seal.close(self.question), way)

    def is_over(self):
        """It was answered, or the VM is no longer of this place."""
        return self.answer is not None or not os.path.isdir(self.directory)


def fence(monitor, parameters):
    """
    Stops the guest for as long as nobody knows, and returns the verdict: "refused" (it goes on here, connected),
    "active" (never again), or None if somebody who asked for himself let it run or removed it meanwhile. Whoever has
    the right to let it run connects it first, which tells that from a QEMU that goes on by itself after a failure.
    """
    end_migration(monitor)
    if is_connected(parameters["tap"]):
        return None
    stop(monitor)
    question = Question(parameters, "who", ("active", "refused"))
    monitor.attendants = [question]
    while not question.is_over():
        monitor.attend_until(lambda: question.is_over() or monitor.heard("RESUME"))
        if monitor.heard("RESUME"):
            if is_connected(parameters["tap"]):
                return None
            stop(monitor)
    monitor.attendants = []
    if question.answer == "refused":
        let_go(monitor, parameters)
    return question.answer


def stop(monitor):
    monitor.backlog.clear()
    monitor.execute("stop")


def take_leave(parameters):
    """Tells the destination that it need not be asked any more; its keeper ends without that too, but later."""
    question = Question(parameters, "heard", ("farewell",))
    deadline = time.monotonic() + FAREWELL_SECONDS
    while not question.is_over() and time.monotonic() < deadline:
        select.select([question], [], [], TURN_SECONDS)
        question.attend()
