"""The pilot beside the source: from before the disks' copy until it is known which site has the VM."""

FINISH_MIRRORS_SECONDS = 3
# A guest that stands still for the copy of its memory does not wait for one that gets no further.
STALLED_COPY_SECONDS = 5
# The last of the memory, and the destination's word that it has it.
HAND_OVER_SECONDS = 15
# From the end of the migration to the destination's record.
COMMIT_SECONDS = 3
# What becomes of the VM here, by the destination's verdict; without one somebody else has decided.
WORDS = {"active": "released", "refused": "kept", None: "overruled"}


def begin(monitor, parameters, remote):
    """Starts the migration over a connection that was opened here, ahead of QEMU's need."""
    with open_way(remote) as way:
        monitor.execute("getfd", [way.fileno()], fdname="way")
    if parameters["mode"] == "suspended":
        suspend(monitor, parameters)
    monitor.execute("migrate", uri="fd:way")


def suspend(monitor, parameters):
    """The guest stands still, off its network, and QEMU will not let it go on by itself: let_go does, or whoever has it next."""
    monitor.execute("stop")
    bridge_port(SIOCBRDELIF, parameters["bridge"], parameters["tap"])


def finish_mirrors(monitor, disks):
    """Ends each mirror in step with its target, and lets go of the targets."""
    for disk in disks:
        monitor.execute("block-job-cancel", device=disk["job"], force=False)
    open_jobs = {disk["job"] for disk in disks}
    while open_jobs:
        ends = ("BLOCK_JOB_COMPLETED", "BLOCK_JOB_CANCELLED")
        _, data = monitor.wait(lambda name, _: name in ends, FINISH_MIRRORS_SECONDS)
        if data.get("error"):
            raise QemuFailed("mirror of %s: %s" % (data["device"], data["error"]))
        open_jobs.discard(data["device"])
    for disk in disks:
        monitor.execute("blockdev-del", node_name=disk["target"])


def approach(monitor, parameters, orders, heart):
    """Stands by while the disks are copied; then sends memory until little is left and the guest stands still, off its network."""
    monitor.attend_until(lambda: orders.given)
    obey(parameters["warrant"])
    begin(monitor, parameters, orders.given.pop(0)["remote"])
    status = await_copy(monitor, parameters["mode"])
    if status != "pre-switchover":
        raise QemuFailed("migration %s before the switchover: %s" % (status, failure(monitor)))
    bridge_port(SIOCBRDELIF, parameters["bridge"], parameters["tap"])
    finish_mirrors(monitor, parameters["disks"])
    heart.tell_drained()
    obey(parameters["warrant"])


def await_copy(monitor, mode):
    """Until the last of the memory is to be sent, or nothing will be; the migration's status."""
    ends = ("pre-switchover", "completed", "failed", "cancelled")

    def is_over():
        return any(name == "MIGRATION" and data["status"] in ends for name, data in monitor.backlog)

    sent = None
    while mode == "suspended" and not monitor.attend_until(is_over, STALLED_COPY_SECONDS):
        before, sent = sent, monitor.execute("query-migrate").get("ram", {}).get("transferred", 0)
        if sent == before:
            raise QemuFailed("no more of the memory was copied for %d s" % STALLED_COPY_SECONDS)
    return monitor.wait_migration(*ends)


def failure(monitor):
    return monitor.execute("query-migrate").get("error-desc", "QEMU gives no reason")


def hand_over(monitor, heart):
    """Why nobody knows that the VM runs at the destination, or None if its record says so."""
    try:
        monitor.execute("migrate-continue", state="pre-switchover")
        status = monitor.wait_migration("completed", "failed", "cancelled", seconds=HAND_OVER_SECONDS)
        if status != "completed":
            return "migration %s: %s" % (status, failure(monitor))
        committed = monitor.attend_until(lambda: heart.role == "active", COMMIT_SECONDS)
        return None if committed else "the destination has not recorded it for %d s" % COMMIT_SECONDS
    except (QemuFailed, PathSilent) as reason:
        return str(reason)


def cross(monitor, parameters, heart):
    """From here on only the destination can tell who has the VM, so a controller that is lost no longer matters."""
    monitor.attendants = [heart]
    say("point-of-no-return", atMs=now_ms())
    doubt = hand_over(monitor, heart)
    if doubt is None:
        say("released", atMs=now_ms())
        return
    say("asking", reason=doubt, atMs=now_ms())
    monitor.attendants = []
    say(WORDS[fence(monitor, parameters)], reason=doubt, atMs=now_ms())


def fly(monitor, parameters, orders, heart, leash):
    """What is left for the guardian to do afterwards: the word to tell it."""
    try:
        heart.attend()
        monitor.attend_until(lambda: heart.echoed > 0)
        say("ready")
        approach(monitor, parameters, orders, heart)
        # The guardian knows before QEMU does: whatever happens next, it will not take the VM for its own.
        tell(leash, "crossing")
    except (ControllerGone, PathSilent, QemuFailed, OSError) as error:
        monitor.attendants = []
        let_go(monitor, parameters)
        say("abandoned" if isinstance(error, ControllerGone) else "failed", reason=str(error))
        return "done"
    cross(monitor, parameters, heart)
    return "settled"


def main():
    orders = Orders()
    parameters = orders.await_first()
    guarded = Monitor(parameters["guardianMonitor"])
    leash = detach(lambda held: guard(held, guarded, parameters))
    guarded.socket.close()
    monitor = Monitor(parameters["monitor"])
    heart = Heart(Seal(parameters["key"], parameters["epoch"]), parameters["heart"]["local"], parameters["heart"]["peer"])
    monitor.attendants = [orders, heart]
    try:
        word = fly(monitor, parameters, orders, heart, leash)
    except (QemuFailed, OSError) as error:
        say("failed", reason=str(error))
        return
    with contextlib.suppress(OSError):  # a guardian that is no more has nothing left to do either
        tell(leash, word)


main()
