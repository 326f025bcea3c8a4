"""What all probes share: one JSON request a line on standard input, one JSON answer a line on standard output.

The first line that a probe writes is {"ready": true}, or {"error": reason} before it ends with status 1. A probe
ends when its standard input does, so that none outlives who started it. Times are milliseconds on CLOCK_MONOTONIC,
which all network namespaces of a machine share.
"""

import json
import sys
import time


def now_ms():
    return time.monotonic() * 1000


def write(answer):
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def give_up(reason):
    write({"error": str(reason)})
    sys.exit(1)


def answer_reports(report):
    """Says ready, then answers each {"fromMs": a, "toMs": b} with report(a, b), until standard input ends.

    Absent ends of the range are given as minus infinity and now.
    """
    write({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        from_ms = request.get("fromMs")
        to_ms = request.get("toMs")
        write(report(float("-inf") if from_ms is None else from_ms, now_ms() if to_ms is None else to_ms))
