"""Serves one connection to a host: requests in, replies out, one JSON object a line.

Request: {"id": n, "do": "run" | "launch" | "read" | "write" | "remove" | "list", ...}.
Reply: {"id": n, "result": ...} or {"id": n, "error": "reason"}. Requests are served side by side. An empty line is a beat.
Ends when its input closes, and kills what `run` started; what `launch` started lives on.
Where nothing is heard for too long, it ends the whole connection: sshd alone would wait for hours, with all that was
connected through it, such as a hypervisor's monitor, taken until then.
"""
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

speech = threading.Lock()
births = threading.Lock()
running = set()
closing = False
heard = time.monotonic()
counter = itertools.count()


def reply(message):
    line = (json.dumps(message) + "\n").encode()
    with speech:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


def start(argv):
    # Held during the start, so that a command begun while the connection closes is either refused or seen.
    with births:
        if closing:
            raise ConnectionError("the connection is closing")
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        running.add(process)
        return process


def kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def collect(process, text, timeout):
    """Returns (stdout, stderr, whether it had to be killed)."""
    try:
        return (*process.communicate(text.encode(), timeout), False)
    except subprocess.TimeoutExpired:
        kill(process)
    try:
        return (*process.communicate(timeout=1), True)
    except subprocess.TimeoutExpired:
        # Something that left the process group still holds the pipes.
        return b"", b"", True


def run(argv, input, timeoutMs):
    try:
        process = start(argv)
    except (FileNotFoundError, NotADirectoryError):
        return {"code": 127, "stdout": "", "stderr": "%s: no such program" % argv[0], "timedOut": False}
    except PermissionError:
        return {"code": 126, "stdout": "", "stderr": "%s: not a program" % argv[0], "timedOut": False}
    try:
        out, err, killed = collect(process, input, timeoutMs / 1000)
    finally:
        running.discard(process)
    code = process.returncode
    if code is None:
        code = -signal.SIGKILL
    return {
        "code": code if code >= 0 else 128 - code,
        "stdout": out.decode(errors="replace"),
        "stderr": err.decode(errors="replace"),
        "timedOut": killed,
    }


# What is launched must become init's child before it is what it shall be: a program that asks to die with its parent
# (prctl(2), PR_SET_PDEATHSIG: nbdkit does) would be ended with the thread that started it.
LAUNCHER = """
import os, sys, time
log, argv = sys.argv[1], sys.argv[2:]
heard, word = os.pipe()
starter = os.getpid()
child = os.fork()
if child:
    print(child, flush=True)
    os.write(word, b"go")
    os._exit(0)
os.read(heard, 2)
while os.getppid() == starter:
    time.sleep(0.001)
os.setsid()
os.chdir("/")
output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
    os.dup2(source, target)
try:
    os.execvp(argv[0], argv)
except OSError as reason:
    print(f"{argv[0]}: {reason}", file=sys.stderr)
    os._exit(127)
"""


def launch(argv, logFile):
    os.makedirs(os.path.dirname(logFile), 0o700, exist_ok=True)
    if shutil.which(argv[0]) is None:
        raise FileNotFoundError("%s: no such program" % argv[0])
    starter = subprocess.run(
        [sys.executable, "-c", LAUNCHER, logFile, *argv],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True,
    )
    return int(starter.stdout)


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode()
    except (FileNotFoundError, NotADirectoryError):
        return None


def sync_folder(folder):
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path, content, mode):
    folder = os.path.dirname(path)
    os.makedirs(folder, 0o700, exist_ok=True)
    temporary = "%s/.%s.%d-%d" % (folder, os.path.basename(path), os.getpid(), next(counter))
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode())
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_folder(folder)


def remove(path):
    """What goes by itself meanwhile, as the socket of a helper that ends, is no reason to leave the rest."""
    while os.path.lexists(path):
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        except FileNotFoundError:
            pass


def list_names(path):
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []


WORK = {"run": run, "launch": launch, "read": read, "write": write, "remove": remove, "list": list_names}


def serve(request):
    number = request.pop("id")
    try:
        answer = {"id": number, "result": WORK[request.pop("do")](**request)}
    except Exception as reason:
        answer = {"id": number, "error": "%s: %s" % (type(reason).__name__, reason)}
    try:
        reply(answer)
    except OSError:
        pass  # Nobody listens any more; the closed input ends this program.


def leave():
    global closing
    with births:
        closing = True
    for process in list(running):
        kill(process)
    os._exit(0)


def connection():
    """The sshd that serves this connection and no other; None where there is none, as in a container whose first process it is."""
    pid = os.getppid()
    with open("/proc/%d/comm" % pid) as file:
        return pid if pid > 1 and file.read().startswith("sshd") else None


def watch(silence, served_by):
    while time.monotonic() - heard < silence:
        time.sleep(1)
    if served_by is not None and served_by == os.getppid():
        os.kill(served_by, signal.SIGTERM)
    leave()


def main():
    global heard
    parameters = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=watch, args=(parameters["silenceMs"] / 1000, connection()), daemon=True).start()
    for line in sys.stdin.buffer:
        heard = time.monotonic()
        if line.strip():
            threading.Thread(target=serve, args=(json.loads(line),), daemon=True).start()
    leave()


main()
