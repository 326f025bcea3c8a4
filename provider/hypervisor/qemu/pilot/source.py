"""The pilot beside the source: from the first page of memory to the end of the migration without asking anyone far away."""
import contextlib
import os
import signal

# A path that is dead is noticed after this long: guest writes wait for it meanwhile.
DEAD_PATH_MS = 3000
FINISH_MIRRORS_SECONDS = 3
# The last of the memory, and the destination's word that it has it.
HAND_OVER_SECONDS = 15
CANCEL_SECONDS = 10


def notice_death(way):
    """A path that takes nothing any more (RFC 5482), or that is silent while nothing is sent, breaks the connection."""
    way.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PATH_MS)
    way.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    way.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    way.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)


def begin(monitor, remote):
    """
    Starts the migration over a connection made here, without Nagle's delay (RFC 9293, 3.7.4): QEMU does not turn it
    off for its own, and the last segment then waits for one round trip while no guest runs anywhere.
    """
    with socket.create_connection((remote["address"], remote["port"]), timeout=10) as way:
        way.settimeout(None)
        way.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        notice_death(way)
        monitor.execute("getfd", [way.fileno()], fdname="way")
    monitor.execute("migrate", uri="fd:way")


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


def approach(monitor, parameters):
    """Sends memory until little is left; then the guest stands still, off its network, and its disks are all there."""
    obey(parameters.get("warrant"))
    begin(monitor, parameters["remote"])
    status = monitor.wait_migration("pre-switchover", "completed", "failed", "cancelled")
    if status != "pre-switchover":
        raise QemuFailed("migration %s before the switchover: %s" % (status, failure(monitor)))
    bridge_port(SIOCBRDELIF, parameters["bridge"], parameters["tap"])
    finish_mirrors(monitor, parameters["disks"])
    obey(parameters.get("warrant"))


def failure(monitor):
    return monitor.execute("query-migrate").get("error-desc", "QEMU gives no reason")


def hand_over(monitor):
    """How the migration ended. Unless it is completed the guest stands still: whether it may go on is not known here."""
    status = "silent"
    try:
        monitor.execute("migrate-continue", state="pre-switchover")
        status = monitor.wait_migration("completed", "failed", "cancelled", seconds=HAND_OVER_SECONDS)
    finally:
        if status != "completed":
            monitor.execute("stop")
    return status


def let_go(monitor, parameters):
    """Before the point of no return: the guest runs on here, connected, and no write of its waits for the path."""
    monitor.watch_controller = False
    for near_end in parameters["nearEnds"]:
        kill(near_end)
    for disk in parameters["disks"]:
        with contextlib.suppress(QemuFailed):
            monitor.execute("block-job-cancel", device=disk["job"], force=True)
    with contextlib.suppress(QemuFailed):
        monitor.execute("migrate_cancel")
    settled = ("none", "cancelled", "failed", "completed")
    deadline = time.monotonic() + CANCEL_SECONDS
    while monitor.execute("query-migrate").get("status", "none") not in settled and time.monotonic() < deadline:
        time.sleep(0.02)
    bridge_port(SIOCBRADDIF, parameters["bridge"], parameters["tap"])
    monitor.execute("cont")


def kill(pid_file):
    """A recycled number is no reason to end a stranger: the command line names the folder."""
    with contextlib.suppress(OSError, ValueError):
        with open(pid_file) as file:
            pid = int(file.read())
        with open("/proc/%d/cmdline" % pid) as file:
            if os.path.dirname(pid_file) in file.read():
                os.kill(pid, signal.SIGKILL)


def main():
    parameters = json.loads(sys.stdin.readline())
    monitor = Monitor(parameters["monitor"])
    say("ready")
    if not sys.stdin.readline():
        return
    try:
        approach(monitor, parameters)
    except (ControllerGone, QemuFailed, OSError) as error:
        let_go(monitor, parameters)
        say("failed", reason=str(error) or "it was told to give up")
        return
    # From here the destination may run the VM: only asking it can tell, so a lost controller no longer matters.
    monitor.watch_controller = False
    try:
        say("point-of-no-return", atMs=now_ms())
        say("ended", status=hand_over(monitor))
    except (QemuFailed, OSError) as error:
        say("failed", reason=str(error))


main()
