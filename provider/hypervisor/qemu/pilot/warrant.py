"""By whose leave a pilot acts: it obeys the controller that holds the VM's lease at its host, and none before it."""


def obey(warrant):
    """Raises QemuFailed unless the controller that sent this pilot still holds the VM's lease here."""
    if warrant is None:
        return
    try:
        with open(warrant["path"]) as file:
            number = json.load(file)["number"]
    except (OSError, ValueError):
        number = None
    if number != warrant["number"]:
        raise QemuFailed("its controller does not hold the VM's lease any more")
