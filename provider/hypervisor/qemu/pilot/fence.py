"""Asks a destination, for the controller, whether the move was committed; if not, sees to it that it never will be."""
import signal
import sys

parameters = json.loads(sys.stdin.readline())


def give_up(*_):
    sys.exit("the VM's record there has been locked by somebody else for %d s" % parameters["patienceSeconds"])


signal.signal(signal.SIGALRM, give_up)
signal.alarm(parameters["patienceSeconds"])
print(json.dumps({"role": verdict(parameters["path"])}))
