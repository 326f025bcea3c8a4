"""How all that a disk holds is made durable, and who asked is told if it was not."""
import subprocess

FLUSH_SECONDS = 600


def flush(monitor, socket_path, nodes):
    """
    Raises QemuFailed unless each block node, and what QEMU still kept of it, is on the host's disk. No command of QMP
    flushes and tells how it went; an NBD client's flush does (NBD protocol, NBD_CMD_FLUSH).
    """
    monitor.execute("nbd-server-start", addr={"type": "unix", "data": {"path": socket_path}})
    try:
        for node in nodes:
            export = {"node-name": node, "name": node, "writable": True}
            monitor.execute("block-export-add", type="nbd", id="flush-%s" % node, **export)
            uri = "nbd+unix:///%s?socket=%s" % (node, socket_path)
            done = subprocess.run(["qemu-io", "-f", "raw", "-c", "flush", uri], capture_output=True, text=True, timeout=FLUSH_SECONDS)
            if done.returncode != 0:
                raise QemuFailed("%s could not be flushed: %s" % (node, done.stderr.strip() or "see QEMU's log"))
    except subprocess.TimeoutExpired:
        raise QemuFailed("%s was not flushed within %d s" % (node, FLUSH_SECONDS)) from None
    finally:
        monitor.execute("nbd-server-stop")
