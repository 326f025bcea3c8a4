"""Writes a VM's record where there is room for it, which is what holds the room: one at a time at a host."""
import fcntl
import sys


def lacks(storage, vm, others):
    left = room(storage, others.values())
    wants = (
        ("memory", left["memoryAvailableMiB"], vm["memoryMiB"] + OVERHEAD_MIB),
        ("storage", left["storageAvailableMiB"], disks_mib(vm)),
    )
    short = ["%d of %d MiB %s free" % (free, wanted, what) for what, free, wanted in wants if free < wanted]
    if vm["vcpus"] > left["threads"]:
        short.append("%d threads for %d virtual CPUs" % (left["threads"], vm["vcpus"]))
    coming = sorted(name for name, record in others.items() if record["role"] == "incoming")
    return short + (["room is held for %s, which is on its way to here" % " and ".join(coming)] if short and coming else [])


def write(path, text):
    draft = path + ".next"
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    with open(draft, "w", opener=lambda name, mode: os.open(name, mode, 0o600)) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(draft, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def main():
    wanted = json.loads(sys.stdin.readline())
    storage, record = wanted["storage"], json.loads(wanted["record"])
    os.makedirs(storage, 0o700, exist_ok=True)
    folder = os.open(storage, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    others = records(storage)
    others.pop(record["vm"]["name"], None)
    short = lacks(storage, record["vm"], others)
    if not short:
        write(wanted["path"], wanted["record"])
    print(json.dumps({"lacks": short}))


main()
