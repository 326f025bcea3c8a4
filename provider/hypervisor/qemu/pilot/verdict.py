"""Which site has the VM once a move can no longer be taken back: the destination's record is the only word on it."""
import contextlib
import fcntl
import json
import os

ROOM_BYTES = 4096


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


def make_room(path, content):
    """From now on the record can be changed once, to as much as this, on a disk that has no room left."""
    with draft_of(path) as file:
        os.posix_fallocate(file.fileno(), 0, max(ROOM_BYTES, len(content.encode())))
        os.fsync(file.fileno())


def write_record(path, content, folder):
    """Durable when this returns; at every moment the old one or the new one is there."""
    with draft_of(path) as file:
        file.write(content.encode())
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".next", path)
    os.fsync(folder)


def draft_of(path):
    """What is allocated to it already is written over."""
    return os.fdopen(os.open(path + ".next", os.O_WRONLY | os.O_CREAT, 0o600), "wb")
