"""The gateway's end of a tunnel: device, forwarding, filter and the durable record of its epoch.

Parameters: {"do", "name", "device", "vni", "port", "mtu", "mac", "local", "gatewayAddress", "folder", ...}.
Answers with one line: {"done": ...}, {"refused": reason} (nothing was changed) or {"failed": reason}.
"""
import contextlib
import fcntl
import json
import os
import subprocess
import sys

EVERYONE = "00:00:00:00:00:00"


class Refusal(Exception):
    """Asked for something that must not be done."""


def say(message):
    print(json.dumps(message), flush=True)


def tool(*argv, input=None):
    done = subprocess.run(argv, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(argv), done.stderr.strip()[-500:]))
    return done.stdout


@contextlib.contextmanager
def locked(folder):
    """One change of the gateway's tunnels at a time, whoever asks."""
    os.makedirs(folder, 0o700, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def record_path(wanted):
    return "%s/%s.json" % (wanted["folder"], wanted["name"])


def read_record(wanted):
    """{"address", "epoch", ...}, or None."""
    try:
        with open(record_path(wanted)) as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def prepare_record(wanted, address, epoch):
    """Writes the record under another name, durably, so that only a rename is left to do."""
    content = {"schema": 1, "name": wanted["name"], "device": wanted["device"], "address": address, "epoch": epoch}
    path = "%s.%d.%d" % (record_path(wanted), epoch, os.getpid())
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    return path


def commit_record(wanted, prepared, folder):
    os.rename(prepared, record_path(wanted))
    os.fsync(folder)


def links(*selection):
    return json.loads(tool("ip", "-j", "-d", "address", "show", *selection) or "[]")


def find_device(name):
    return next((link for link in links() if link.get("ifname") == name), None)


def fits(link, wanted):
    data = link.get("linkinfo", {}).get("info_data", {})
    found = (data.get("id"), data.get("local"), data.get("port"), data.get("learning"))
    return found == (wanted["vni"], wanted["local"], wanted["port"], False)


def make_device(wanted):
    """Leaves the device down where it makes one: nothing may arrive before the filter stands."""
    name = wanted["device"]
    link = find_device(name)
    if link is not None and not fits(link, wanted):
        tool("ip", "link", "delete", name)
        link = None
    if link is None:
        tool(
            "ip", "link", "add", name, "type", "vxlan", "id", str(wanted["vni"]), "local", wanted["local"],
            "dstport", str(wanted["port"]), "nolearning",
        )  # fmt: skip
    tool("ip", "link", "set", name, "mtu", str(wanted["mtu"]), "addrgenmode", "none")


def raise_device(wanted):
    name = wanted["device"]
    (link,) = links("dev", name)
    for address in link["addr_info"]:
        text = "%s/%d" % (address["local"], address["prefixlen"])
        if text != wanted["gatewayAddress"]:
            tool("ip", "address", "delete", text, "dev", name)
    tool("ip", "address", "replace", wanted["gatewayAddress"], "dev", name)
    tool("ip", "link", "set", name, "up")
    with open("/proc/sys/net/ipv4/ip_forward", "w") as file:
        file.write("1")


def forwarding(device):
    """[(MAC, far end)] as the kernel has it."""
    entries = json.loads(tool("bridge", "-j", "fdb", "show", "dev", device) or "[]")
    return [(entry["mac"], entry["dst"]) for entry in entries if "dst" in entry]


def forwarding_plan(wanted, address):
    """Commands for `bridge -batch` that make `address` the only far end.

    The VM's entry first: it is what its packets follow. An all-zero entry cannot be replaced, only added and deleted.
    """
    device = wanted["device"]
    now = forwarding(device)
    lines = ["fdb replace %s dev %s dst %s self static" % (wanted["mac"], device, address)]
    if (EVERYONE, address) not in now:
        lines.append("fdb append %s dev %s dst %s self permanent" % (EVERYONE, device, address))
    for mac, far_end in now:
        if (mac == EVERYONE and far_end != address) or mac not in (EVERYONE, wanted["mac"]):
            lines.append("fdb delete %s dev %s dst %s self" % (mac, device, far_end))
    return "".join(line + "\n" for line in lines)


def filter_of(wanted):
    return Filter(wanted["device"], wanted["port"], wanted["vni"])


def newest_epoch(wanted, packet_filter):
    """What was made durable, or what the filter admits where a crash came between."""
    record = read_record(wanted)
    admitted = packet_filter.admitted()
    return max(record["epoch"] if record else -1, admitted[1] if admitted else -1)


def establish(wanted):
    address, epoch = wanted["address"], wanted["epoch"]
    with locked(wanted["folder"]) as folder:
        record = read_record(wanted)
        if record and (record["epoch"] > epoch or (record["epoch"] == epoch and record["address"] != address)):
            raise Refusal("epoch %d to %s stands already" % (record["epoch"], record["address"]))
        make_device(wanted)
        filter_of(wanted).build(address, epoch)
        tool("bridge", "-batch", "-", input=forwarding_plan(wanted, address))
        raise_device(wanted)
        commit_record(wanted, prepare_record(wanted, address, epoch), folder)


def observe(wanted):
    """{"address", "epoch"} where device, forwarding and filter agree; None where there is neither device nor filter."""
    link = find_device(wanted["device"])
    admitted = filter_of(wanted).admitted()
    if link is None and admitted is None:
        return None
    if link is None or not fits(link, wanted) or "UP" not in link["flags"]:
        raise RuntimeError("its device %s is missing, down or not as it was made" % wanted["device"])
    if admitted is None:
        raise RuntimeError("its packet filter is missing")
    far_ends = sorted(forwarding(wanted["device"]))
    address, epoch = admitted
    if far_ends != sorted([(EVERYONE, address), (wanted["mac"], address)]):
        leads = ", ".join(sorted({far_end for _, far_end in far_ends})) or "nowhere"
        raise RuntimeError("it forwards to %s, but admits %s (epoch %d)" % (leads, address, epoch))
    return {"address": address, "epoch": epoch}


def dismantle(wanted):
    with locked(wanted["folder"]) as folder:
        if find_device(wanted["device"]) is not None:
            tool("ip", "link", "delete", wanted["device"])
        filter_of(wanted).destroy()
        for name in os.listdir(wanted["folder"]):
            if name.startswith(wanted["name"] + ".json"):
                os.unlink("%s/%s" % (wanted["folder"], name))
        os.fsync(folder)
    with contextlib.suppress(OSError):
        os.rmdir(wanted["folder"])
