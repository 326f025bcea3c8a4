"""How all that a disk holds is made durable, and who asked is told if it was not."""
import struct
import threading

# NBD protocol: the newstyle handshake without an answer's padding, and one request.
GREETING = struct.Struct(">QQH")
CHOICE = struct.Struct(">IQII")
EXPORT = struct.Struct(">QH")
REQUEST = struct.Struct(">IHHQQI")
REPLY = struct.Struct(">IIQ")
NBDMAGIC, IHAVEOPT = 0x4E42444D41474943, 0x49484156454F5054
FIXED_NEWSTYLE_NO_ZEROES, EXPORT_NAME = 3, 1
REQUEST_MAGIC, REPLY_MAGIC, CMD_FLUSH = 0x25609513, 0x67446698, 3
# Often enough that the last flush has little left to do.
WRITE_DOWN_SECONDS = 1


def flush(monitor, socket_path, nodes, seconds):
    """
    Raises QemuFailed unless each block node, and what QEMU still kept of it, is on the host's disk. No command of QMP
    flushes and tells how it went; an NBD client's flush does. `seconds`: how long one may take.
    """
    monitor.execute("nbd-server-start", addr={"type": "unix", "data": {"path": socket_path}})
    try:
        for node in nodes:
            monitor.execute("block-export-add", type="nbd", id="flush-%s" % node, node_name=node, name=node, writable=True)
            try:
                flush_export(socket_path, node, seconds)
            except OSError as reason:
                raise QemuFailed("%s could not be flushed: %s" % (node, reason)) from None
    finally:
        monitor.execute("nbd-server-stop")


def flush_export(socket_path, name, seconds):
    """Raises OSError if the server refuses, fails, or takes longer."""
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(seconds)
        server.connect(socket_path)
        if take(server, GREETING)[:2] != (NBDMAGIC, IHAVEOPT):
            raise ConnectionError("nobody there speaks NBD")
        chosen = name.encode()
        server.sendall(CHOICE.pack(FIXED_NEWSTYLE_NO_ZEROES, IHAVEOPT, EXPORT_NAME, len(chosen)) + chosen)
        take(server, EXPORT)
        server.sendall(REQUEST.pack(REQUEST_MAGIC, 0, CMD_FLUSH, 0, 0, 0))
        magic, error, _ = take(server, REPLY)
        if magic != REPLY_MAGIC or error != 0:
            raise OSError(error, os.strerror(error))


def take(server, form):
    data = b""
    while len(data) < form.size:
        part = server.recv(form.size - len(data))
        if not part:
            raise ConnectionError("QEMU serves no such node")
        data += part
    return form.unpack(data)


@contextlib.contextmanager
def written_down(paths):
    """Meanwhile the host's disk keeps up with what arrives in these files: no guest runs during the flush that is the last."""
    over = threading.Event()

    def keep_up():
        while not over.wait(WRITE_DOWN_SECONDS):
            for path in paths:
                with contextlib.suppress(OSError):  # the last flush tells
                    sync(path)

    threading.Thread(target=keep_up, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def sync(path):
    with open(path) as file:
        os.fsync(file.fileno())
