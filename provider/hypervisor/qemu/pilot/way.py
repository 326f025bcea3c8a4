"""The way that memory takes, as the pilots see it: a connection of their own, or one through the stunnel beside them."""
import contextlib
import ctypes
import errno
import os
import signal

# A path that is dead is noticed after this long: guest writes wait for it meanwhile.
DEAD_PATH_MS = 3000
OPEN_SECONDS = 10
SYS_PIDFD_GETFD = 438


def notice_death(way):
    """A path that takes nothing any more (RFC 5482), or that is silent while nothing is sent, breaks the connection."""
    way.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PATH_MS)
    way.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    way.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    way.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)


def open_way(remote):
    """
    A connection to the destination's QEMU without Nagle's delay (RFC 9293, 3.7.4): QEMU does not turn it off for its
    own, and the last segment then waits for one round trip while no guest runs anywhere.
    """
    if "stunnel" in remote:
        return open_guarded(remote, remote["stunnel"])
    way = socket.create_connection((remote["address"], remote["port"]), timeout=OPEN_SECONDS)
    way.settimeout(None)
    way.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    notice_death(way)
    return way


def open_guarded(remote, stunnel):
    """By the stunnel that stands here, once it has reached the other. It has no option for a path that takes nothing."""
    way = socket.socket(socket.AF_UNIX)
    way.connect(stunnel["socket"])
    with open(stunnel["pidFile"]) as file:
        pid = int(file.read())
    deadline = time.monotonic() + OPEN_SECONDS
    while True:
        reached = list(connections(pid, (remote["address"], remote["port"])))
        for theirs in reached:
            with theirs:
                notice_death(theirs)
        if reached:
            return way
        if time.monotonic() > deadline or select.select([way], [], [], 0.02)[0]:
            raise QemuFailed("stunnel does not reach the destination: see stunnel.log beside the VM's files")


def connections(pid, peer):
    """A process's open connections to an address, shared with it (pidfd_getfd(2))."""
    process = os.pidfd_open(pid)
    try:
        for number in os.listdir("/proc/%d/fd" % pid):
            theirs = share(process, int(number))
            if theirs and leads_to(theirs, peer):
                yield theirs
    finally:
        os.close(process)


def share(process, number):
    """Another process's socket as our own; None if it is none, or was closed meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    shared = libc.syscall(SYS_PIDFD_GETFD, process, number, 0)
    if shared < 0 and ctypes.get_errno() != errno.EBADF:
        raise OSError(ctypes.get_errno(), "stunnel's connection cannot be seen to")
    try:
        return socket.socket(fileno=shared) if shared >= 0 else None
    except OSError:
        os.close(shared)
        return None


def leads_to(theirs, peer):
    try:
        return theirs.getpeername() == peer
    except OSError:
        return False  # it listens, or does not lead anywhere yet


def kill(pid_file):
    """A recycled number is no reason to end a stranger: the command line names the folder."""
    with contextlib.suppress(OSError, ValueError):
        with open(pid_file) as file:
            pid = int(file.read())
        with open("/proc/%d/cmdline" % pid) as file:
            if os.path.dirname(pid_file) in file.read():
                os.kill(pid, signal.SIGKILL)
