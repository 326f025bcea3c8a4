"""The controller's line to a pilot: standard input, one JSON object an order."""


class ControllerGone(Exception):
    """Standard input closed: whoever started this pilot is gone, or has told it to give up."""


class Orders:
    """Attended to by a monitor. Reads the descriptor itself: what lay in a buffer would be seen by no select."""

    def __init__(self):
        self.rest = b""
        self.given = []

    def fileno(self):
        return 0

    def attend(self, readable):
        if readable:
            self._read()

    def await_first(self):
        """The parameters."""
        while not self.given:
            self._read()
        return self.given.pop(0)

    def _read(self):
        data = os.read(0, 65536)
        if not data:
            raise ControllerGone("the controller's line closed")
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.given += [json.loads(line) for line in lines]
