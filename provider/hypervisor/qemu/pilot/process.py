"""A process that a pid file names."""


def kill(pid_file):
    """A recycled number is no reason to end a stranger: the command line names the folder."""
    with contextlib.suppress(OSError, ValueError):
        with open(pid_file) as file:
            pid = int(file.read())
        with open("/proc/%d/cmdline" % pid) as file:
            ours = os.path.dirname(pid_file) in file.read()
        if ours:
            os.kill(pid, signal.SIGKILL)
            await_end(pid)


def await_end(pid, seconds=2):
    """One that is a zombie has no program any more."""
    deadline = time.monotonic() + seconds
    while os.path.exists("/proc/%d/exe" % pid) and time.monotonic() < deadline:
        time.sleep(0.005)
