"""Asks a destination whether the move was committed; if not, sees to it that it never will be."""
import fcntl
import json
import os
import sys


def main():
    parameters = json.loads(sys.stdin.readline())
    path = parameters["path"]
    if not os.path.exists(path):
        print(json.dumps({"role": "refused"}))
        return
    with open(parameters["lock"], "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(path) as file:
            record = json.load(file)
        if record["role"] == "incoming":
            record["role"] = "refused"
            with open(path + ".next", "w") as file:
                json.dump(record, file)
                file.flush()
                os.fsync(file.fileno())
            os.rename(path + ".next", path)
    print(json.dumps({"role": record["role"]}))


main()
