"""How the guest is made to run on at the source, connected, with nothing of the move about it."""
import fcntl
import struct
import subprocess

SIOCBRADDIF, SIOCBRDELIF = 0x89A2, 0x89A3
CANCEL_SECONDS = 10
OVER = ("none", "cancelled", "failed", "completed")


def bridge_port(request, bridge, device):
    """Adds or removes a bridge's port by ioctl: no process to start while the guest stands still."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        try:
            fcntl.ioctl(control, request, struct.pack("16si", bridge.encode(), socket.if_nametoindex(device)))
        except OSError as error:
            if error.errno not in (16, 22):  # EBUSY, EINVAL: it already is as asked
                raise


def is_connected(device):
    """Whether it is a port of a bridge."""
    shown = subprocess.run(["ip", "-o", "link", "show", "dev", device], stdout=subprocess.PIPE, text=True)
    return " master " in shown.stdout


def let_go(monitor, parameters):
    """
    Only while the destination can never run the VM. Whoever does it may do again what another did half. The near ends
    go first: over a path that is dead a mirror ends, and a guest's write with it, only when its target does.
    """
    for near_end in parameters["nearEnds"]:
        kill(near_end["pid"])
    kill(parameters["way"]["helper"])
    for disk in parameters["disks"]:
        with contextlib.suppress(QemuFailed):
            monitor.execute("block-job-cancel", device=disk["job"], force=True)
    end_migration(monitor)
    bridge_port(SIOCBRADDIF, parameters["bridge"], parameters["tap"])
    monitor.execute("cont")
    if not monitor.execute("query-status")["running"]:
        raise QemuFailed("the guest was told to go on, and does not")
    detach_targets(monitor, parameters["disks"])
    close_way(parameters["way"])
    for near_end in parameters["nearEnds"]:
        for file in near_end.values():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file)


def end_migration(monitor):
    """Until it is over QEMU may yet let the guest run by itself."""
    def over():
        return monitor.execute("query-migrate").get("status", "none") in OVER

    if over():
        return
    with contextlib.suppress(QemuFailed):
        monitor.execute("migrate_cancel")
    while not over():
        monitor.attend_until(lambda: False, 0.02)


def detach_targets(monitor, disks):
    """A target can be let go of when its job is gone."""
    jobs = {disk["job"] for disk in disks}
    deadline = time.monotonic() + CANCEL_SECONDS
    while jobs & {job["device"] for job in monitor.execute("query-block-jobs")} and time.monotonic() < deadline:
        monitor.attend_until(lambda: False, 0.02)
    for disk in disks:
        with contextlib.suppress(QemuFailed):
            monitor.execute("blockdev-del", node_name=disk["target"])
