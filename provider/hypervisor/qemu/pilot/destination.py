"""The pilot beside the destination: records the commit, lets the VM run, turns the gateways, flushes the disks."""
import hashlib
import hmac
import os


def commit(record):
    """Writes the record durably. This file's change is the only commit point of a move."""
    path, draft = record["path"], record["path"] + ".next"
    with open(record["lock"], "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        obey(record.get("warrant"))
        with open(path) as file:
            if json.load(file)["role"] != "incoming":
                raise QemuFailed("the move was refused before it was committed")
        with open(draft, "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(record["content"])
            file.flush()
            os.fsync(file.fileno())
        os.rename(draft, path)
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def seal(key, text):
    return hmac.new(bytes.fromhex(key), text.encode(), hashlib.sha256).hexdigest()


class Turn:
    """A trigger for one gateway, repeated until the gateway answers that it turned."""

    def __init__(self, target):
        self.target = (target["address"], target["port"])
        order = "turn %d" % target["epoch"]
        answer = "turned %d" % target["epoch"]
        self.datagram = ("%s %s" % (order, seal(target["keyHex"], order))).encode()
        self.expected = ("%s %s" % (answer, seal(target["keyHex"], answer))).encode()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self):
        try:
            self.socket.sendto(self.datagram, self.target)
        except OSError:
            pass  # a routed network that is down for a moment is what the repeats are for

    def await_answer(self, deadline_ms):
        while now_ms() < deadline_ms:
            if select.select([self.socket], [], [], 0.05)[0]:
                try:
                    if hmac.compare_digest(self.socket.recv(512), self.expected):
                        return True
                except OSError:
                    pass
            else:
                self.send()
        return False


def main():
    parameters = json.loads(sys.stdin.readline())
    monitor = Monitor(parameters["monitor"])
    turns = [Turn(target) for target in parameters["turns"]]
    say("ready")
    try:
        status = monitor.wait_migration("completed", "failed")
        if status != "completed":
            raise QemuFailed("the incoming migration failed")
        commit(parameters["record"])
        monitor.watch_controller = False
        monitor.execute("cont")
        for turn in turns:
            turn.send()
        say("running", atMs=now_ms())
        deadline_ms = now_ms() + 30000
        turned = all([turn.await_answer(deadline_ms) for turn in turns])
        say("turned" if turned else "gateway-silent", atMs=now_ms())
        monitor.execute("announce-self", initial=50, max=550, rounds=5, step=100)
        monitor.execute("nbd-server-stop")
        for node in parameters["nodes"]:
            monitor.execute("human-monitor-command", command_line='qemu-io %s flush' % node)
        say("flushed", atMs=now_ms())
    except ControllerGone:
        say("abandoned")
    except (QemuFailed, OSError) as error:
        say("failed", reason=str(error))


main()
