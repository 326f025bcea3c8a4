"""The guardian at the source: what the pilot would have done, when the pilot is no more."""

LAST_WISH_SECONDS = 1


def guard(leash, monitor, parameters):
    """
    Ends with the pilot if that has nothing left to do ("done"). Before the pilot was "crossing" the destination cannot
    have the VM: it goes on here. After it, the destination is asked. Either way the destination hears of the end.
    """
    await_pilot(leash, monitor)
    if "done" in leash.words:
        return
    if "settled" not in leash.words and not settle(leash, monitor, parameters):
        return
    monitor.socket.close()
    take_leave(parameters)


def await_pilot(leash, monitor):
    """Until the pilot has ended, whether or not QEMU does before it."""
    monitor.attendants = [leash]
    with contextlib.suppress(QemuFailed):
        monitor.attend_until(lambda: leash.broken)
    monitor.attendants = []
    while not leash.broken:
        select.select([leash], [], [])
        leash.attend(True)


def settle(leash, monitor, parameters):
    """Whether it is known who has the VM, or QEMU has ended here: what is no more runs nothing, whoever has it."""
    try:
        if "crossing" in leash.words:
            return fence(monitor, parameters) is not None
        let_go(monitor, parameters)
        # What the pilot had told QEMU last may come to pass only now.
        monitor.attend_until(lambda: False, LAST_WISH_SECONDS)
        let_go(monitor, parameters)
        return True
    except (QemuFailed, OSError):
        return not monitor.is_open()
