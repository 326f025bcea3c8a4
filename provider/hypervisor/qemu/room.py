"""What a host has, and what of it was promised to VMs: by their records, since a guest takes its memory by and by."""
import glob
import json
import os
import re
import time

# Beside the guest's memory QEMU needs some of its own.
OVERHEAD_MIB = 96


def memory_mib(what):
    found = dict(re.findall(r"^(\w+):\s+(\d+)", open("/proc/meminfo").read(), re.M))
    return int(found[what]) // 1024


def alive(folder):
    """Whether the VM's QEMU runs. Another process may have its number by now, whose command line does not name the folder."""
    try:
        with open(folder + "/qemu.pid") as file:
            pid = int(file.read())
        with open("/proc/%d/cmdline" % pid) as file:
            return folder in file.read()
    except (OSError, ValueError):
        return False


def records(storage):
    """The VMs that this host runs or has promised to take, by their names; a promise that nobody came for has expired."""
    found = {}
    for path in glob.glob(storage + "/*/vm.json"):
        try:
            with open(path) as file:
                record = json.load(file)
        except (OSError, ValueError):
            continue  # just being removed, or not ours
        held = record["role"] == "active" or record.get("heldUntilMs", 0) > time.time() * 1000
        if held or alive(os.path.dirname(path)):
            found[record["vm"]["name"]] = record
    return found


def free_storage_mib(storage, others):
    """Less what is still on its way to here: a disk that arrives takes its room by and by too."""
    space = os.statvfs(storage)
    arriving = [one for one in others if one["role"] == "incoming"]
    promised = sum(max(0, disks_mib(one["vm"]) - taken_mib(storage, one["vm"])) for one in arriving)
    return (space.f_bavail * space.f_frsize >> 20) - promised


def disks_mib(vm):
    return sum(disk["sizeMiB"] for disk in vm["disks"])


def taken_mib(storage, vm):
    paths = glob.glob("%s/%s/*.qcow2" % (storage, vm["name"]))
    return sum(os.stat(path).st_blocks for path in paths) >> 11


def room(storage, others):
    """What is left for one more VM beside these."""
    memory = sum(one["vm"]["memoryMiB"] + OVERHEAD_MIB for one in others)
    return {
        "memoryAvailableMiB": min(memory_mib("MemAvailable"), memory_mib("MemTotal") - memory),
        "storageAvailableMiB": free_storage_mib(storage, others),
        "threads": os.cpu_count(),
        "vcpusSubscribed": sum(one["vm"]["vcpus"] for one in others),
    }


def nearest(folder):
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder
