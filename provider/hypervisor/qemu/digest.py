"""Digests of disks' bases as a guest would see them: SHA-256 over the SHA-256 of each chunk of 1 MiB."""
import hashlib
import json
import os
import subprocess
import sys

CHUNK = 1 << 20
ZEROES = hashlib.sha256(bytes(CHUNK)).digest()


def extents(path):
    """Runs of data as (start, length, offset in the file), in order. What is not among them reads as zeroes."""
    argv = ["qemu-img", "map", "-U", "--output=json", "-f", "qcow2", path]
    found = json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout)
    return [(one["start"], one["length"], one["offset"]) for one in found if one["data"]]


def chunks(path):
    """The content of each chunk that holds data, by its number."""
    content = {}
    with open(path, "rb") as file:
        for start, length, offset in extents(path):
            while length > 0:
                number, at = divmod(start, CHUNK)
                size = min(length, CHUNK - at)
                # In order of their starts: a chunk before this one is complete.
                for done in [one for one in content if one < number]:
                    yield done, content.pop(done)
                data = os.pread(file.fileno(), size, offset)
                content.setdefault(number, bytearray(CHUNK))[at : at + len(data)] = data
                start, length, offset = start + size, length - size, offset + size
    yield from content.items()


def digest(path, size):
    leaves = [ZEROES] * -(-size // CHUNK)
    for number, content in chunks(path):
        leaves[number] = hashlib.sha256(content).digest()
    return hashlib.sha256(b"".join(leaves)).hexdigest()


def main():
    disks = json.loads(sys.stdin.readline())["disks"]
    try:
        print(json.dumps({"digests": {one["name"]: digest(one["path"], one["bytes"]) for one in disks}}))
    except subprocess.CalledProcessError as reason:
        print(json.dumps({"unreadable": reason.stderr.decode(errors="replace").strip()[-500:]}))
    except (OSError, IndexError, KeyError) as reason:
        print(json.dumps({"unreadable": "%s: %s" % (type(reason).__name__, reason)}))


main()
