"""Which site has the VM once a move can no longer be taken back: the destination's record is the only word on it."""
import fcntl
import json
import os


def verdict(path, lock_path):
    """
    "active" or "refused", for good: under the lock under which the pilot commits, an arrival that was not committed
    is refused durably. Where there is no record there is nothing to commit either.
    """
    try:
        with open(lock_path, "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with open(path) as file:
                record = json.load(file)
            if record["role"] == "incoming":
                record["role"] = "refused"
                write_record(path, json.dumps(record))
            return record["role"]
    except FileNotFoundError:
        return "refused"


def write_record(path, content):
    """Durable when this returns; at every moment the old one or the new one is there."""
    draft = path + ".next"
    with open(draft, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename(draft, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
