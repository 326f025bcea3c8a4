"""The guardian at the source: what the pilot would have done, when the pilot is no more."""

LAST_WISH_SECONDS = 1


def guard(leash, monitor, parameters):
    """
    Ends with the pilot if that has nothing left to do ("done"). Before the pilot was "crossing" the destination cannot
    have the VM: it goes on here. After it, the destination is asked. Either way the destination hears of the end.
    """
    monitor.attendants = [leash]
    monitor.attend_until(lambda: leash.broken)
    monitor.attendants = []
    if "done" in leash.words:
        return
    if "crossing" not in leash.words:
        let_go(monitor, parameters)
        # What the pilot had told QEMU last may come to pass only now.
        monitor.attend_until(lambda: False, LAST_WISH_SECONDS)
        let_go(monitor, parameters)
    elif "settled" not in leash.words and not is_settled(monitor, parameters):
        return
    monitor.socket.close()
    take_leave(parameters)


def is_settled(monitor, parameters):
    """Whether it is known who has the VM, or this QEMU has ended: what is no more runs nothing, whoever has it."""
    try:
        return fence(monitor, parameters) is not None
    except (QemuFailed, OSError):
        return not monitor.is_open()
