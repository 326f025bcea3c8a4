"""Which site has the VM once a move can no longer be taken back: the destination's record is the only word on it."""
import contextlib
import fcntl
import json
import os


@contextlib.contextmanager
def locked(folder):
    """One word on a VM's record at a time. The folder itself is the lock: nothing is made where all is being removed."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def verdict(path):
    """
    "active" or "refused", for good: under the lock under which the pilot commits, an arrival that was not committed
    is refused durably. Where there is no record there is nothing to commit either.
    """
    try:
        with locked(os.path.dirname(path)) as folder:
            with open(path) as file:
                record = json.load(file)
            if record["role"] == "incoming":
                record["role"] = "refused"
                write_record(path, json.dumps(record), folder)
            return record["role"]
    except FileNotFoundError:
        return "refused"


def write_record(path, content, folder):
    """Durable when this returns; at every moment the old one or the new one is there."""
    draft = path + ".next"
    with open(draft, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename(draft, path)
    os.fsync(folder)
