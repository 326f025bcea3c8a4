"""The pilot beside the destination: flushes the disks, records the commit, lets the VM run, turns the gateways."""

# How often QEMU is asked for a sign of life while it waits for the memory.
VOUCH_SECONDS = 0.5
# Nobody else can say who has the VM while this waits for QEMU's word.
LAST_WORD_SECONDS = 1
# Less than the silence after which the source asks who has the VM: then it goes on there.
FLUSH_SECONDS = 1.5


def commit(monitor, record):
    """Writes the record durably. This file's change is the only commit point of a move."""
    with locked(os.path.dirname(record["path"])) as folder:
        obey(record["warrant"])
        require_free(record["path"])
        with open(record["path"]) as file:
            role = json.load(file)["role"]
        if role != "incoming":
            raise QemuFailed("the move was refused before it was committed")
        # Whoever refuses ends this QEMU too: a record that says "incoming" again is another move's. And a QEMU that is
        # being killed keeps its monitor open for a while, but does not answer any more.
        monitor.execute("query-status", seconds=LAST_WORD_SECONDS)
        write_record(record["path"], record["content"], folder)


def await_arrival(monitor, echo, disks):
    """
    Until all of the memory is here; the source's pilot is told meanwhile that QEMU answers. The disks are made durable
    while the last of the memory is on its way, if the word that they are complete comes so early.
    """
    ends = ("completed", "failed")
    arrived = []

    def look():
        if echo.drained:
            disks.make_durable()
        arrived.extend(data["status"] for name, data in monitor.backlog if name == "MIGRATION" and data["status"] in ends)
        monitor.backlog.clear()
        return arrived

    while not monitor.attend_until(look, VOUCH_SECONDS):
        monitor.execute("query-status")
        echo.vouch()
    if arrived[0] != "completed":
        raise QemuFailed("the incoming migration failed")


class Disks:
    """What the guest had synced where it comes from: nobody else has it once it runs here, and this QEMU may die."""

    def __init__(self, monitor, parameters):
        self.monitor, self.parameters = monitor, parameters
        self.durable = False

    def make_durable(self):
        """Once they are complete. Raises QemuFailed."""
        if self.durable:
            return
        disks = self.parameters["disks"]
        end_offer(self.monitor, self.parameters["way"])
        flush(self.monitor, disks["socket"], disks["received"], FLUSH_SECONDS)
        self.durable = True
        say("flushed", atMs=now_ms())


def main():
    orders = Orders()
    parameters = orders.await_first()
    make_room(parameters["record"]["path"], parameters["record"]["content"])
    ways = [datagram_socket(address) for address in parameters["addresses"]]
    listening = [{"address": address, "port": way.getsockname()[1]} for address, way in zip(parameters["addresses"], ways)]
    leash = detach(lambda held: Keeper(held, ways, parameters).keep())
    for way in ways:
        way.close()
    monitor = Monitor(parameters["monitor"])
    echo = Echo(Seal(parameters["key"], parameters["epoch"]), parameters["addresses"][0])
    monitor.attendants = [orders, echo]
    turns = [Turn(target) for target in parameters["turns"]]
    disks = Disks(monitor, parameters)
    say("listening", heartPort=echo.socket.getsockname()[1], ways=listening)
    say("ready")
    try:
        with written_down(parameters["disks"]["files"]):
            await_arrival(monitor, echo, disks)
        # From here on only a verdict breaks it off.
        monitor.attendants = []
        disks.make_durable()
        commit(monitor, parameters["record"])
        echo.role = "active"
        monitor.attendants = [echo]
        run_here(monitor, turns)
        echo.tell()
        settle_in(monitor, turns, parameters["way"])
        tell(leash, "done")
    except (ControllerGone, PathSilent, QemuFailed, OSError) as error:
        # If it did not commit, nobody will: it is said before whoever waits for this pilot's end clears up.
        with contextlib.suppress(OSError):
            verdict(parameters["record"]["path"])
        say("abandoned" if isinstance(error, ControllerGone) else "failed", reason=str(error))


main()
