"""Asks a destination, for the controller, whether the move was committed; if not, sees to it that it never will be."""
import sys

parameters = json.loads(sys.stdin.readline())
print(json.dumps({"role": verdict(parameters["path"])}))
