"""Runs libvirt's daemon as a site's own: what it keeps is below one folder, and so is its socket.

To be started in a site's network namespace, with mount and UTS namespaces of its own (unshare --mount --uts).

usage: daemon.py HOSTNAME FOLDER
"""

import os
import socket
import subprocess
import sys

# /run as a whole, so that nothing has to be made in the machine's.
PLACES = {
    "run": "/run",
    "lib": "/var/lib/libvirt",
    "etc": "/etc/libvirt",
    "log": "/var/log/libvirt",
    "cache": "/var/cache/libvirt",
}

hostname, folder = sys.argv[1:]
socket.sethostname(hostname)
for name, place in PLACES.items():
    own = os.path.join(folder, name)
    os.makedirs(own, mode=0o700, exist_ok=True)
    subprocess.run(["mount", "--bind", own, place], check=True)
os.makedirs("/var/lib/libvirt/images", exist_ok=True)
os.execvp("libvirtd", ["libvirtd", "--listen", "--timeout", "0"])
