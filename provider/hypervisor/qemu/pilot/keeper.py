"""The keeper at the destination: answers who has the VM, even when the pilot beside it is dead or stands still."""

# The VM runs here and the source was not heard: it may be gone for good, and never runs the VM whatever it hears.
LINGER_SECONDS = 600
# A copy may last for hours: after the first seconds the record is looked at less often. Whoever speaks is heard at once.
LIVELY_SECONDS = 5
CALM_TURN_SECONDS = 1


class Keeper:
    def __init__(self, leash, ways, parameters):
        self.leash, self.ways, self.parameters = leash, ways, parameters
        self.seal = Seal(parameters["key"], parameters["epoch"])
        self.began = time.monotonic()
        self.active_since = None
        self.dismissed = False

    def keep(self):
        """Until the pilot has ended and the source has heard the verdict, or the record of this arrival is gone."""
        while self._has_record() and not self._is_done():
            sources = self.ways if self.leash.broken else [*self.ways, self.leash]
            ready = select.select(sources, [], [], self._patience())[0]
            # Nobody is answered in the name of a record that is gone since.
            if ready and not self._has_record():
                return
            if self.leash in ready:
                self.leash.attend(True)
                if self.leash.broken:
                    self._succeed_pilot()
            for way in self.ways:
                for datagram, sender in datagrams(way):
                    self._answer(way, datagram, sender)

    def _patience(self):
        lively = time.monotonic() - self.began < LIVELY_SECONDS
        return TURN_SECONDS if lively else CALM_TURN_SECONDS

    def _answer(self, way, datagram, sender):
        verb, _ = self.seal.open(datagram)
        if verb == "who":
            role = self._verdict()
            self._send(way, role, sender)
            if role == "active":
                self._see_it_run()
        elif verb == "heard":
            self._send(way, "farewell", sender)
            self.dismissed = True

    def _send(self, way, verb, sender):
        with contextlib.suppress(OSError):  # it will be asked again
            way.sendto(self.seal.close(verb), sender)

    def _succeed_pilot(self):
        """A pilot that ended before it committed never will; one that ended after may have left the VM standing still."""
        if self._verdict() == "active" and "done" not in self.leash.words:
            self._see_it_run()

    def _verdict(self):
        role = verdict(self.parameters["record"]["path"])
        if role == "refused":
            kill(self.parameters["pid"])
        elif self.active_since is None:
            self.active_since = time.monotonic()
        return role

    def _see_it_run(self):
        with contextlib.suppress(QemuFailed, OSError):
            monitor = Monitor(self.parameters["guardianMonitor"])
            try:
                if not monitor.execute("query-status")["running"]:
                    turns = [Turn(target) for target in self.parameters["turns"]]
                    run_here(monitor, turns)
                    settle_in(monitor, turns, self.parameters["way"])
            finally:
                monitor.socket.close()

    def _has_record(self):
        """Whoever removes the arrival has let the source go on; what is recorded since then is another move's."""
        try:
            with open(self.parameters["record"]["path"]) as file:
                return json.load(file)["generation"] == self.parameters["generation"]
        except FileNotFoundError:
            return False

    def _is_done(self):
        lingered = self.active_since is not None and time.monotonic() - self.active_since > LINGER_SECONDS
        return self.leash.broken and (self.dismissed or lingered)
