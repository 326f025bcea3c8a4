import type { Duplex } from "node:stream";
import { TurntableError } from "../../errors.ts";
import type { Place } from "../hypervisor.ts";
import { files } from "./files.ts";
import { livingPid } from "./processes.ts";
import { Qmp } from "./qmp.ts";

/** Opens the monitor that the controller uses, or resolves with undefined if nothing is heard there. Rejects if it serves somebody else. */
export async function openMonitor(place: Place, vmName: string): Promise<Qmp | undefined> {
  const stream = await connectMonitor(place);
  return stream && Qmp.open(stream, `${vmName} at ${place.site}`);
}

async function connectMonitor(place: Place): Promise<Duplex | undefined> {
  try {
    return await place.host.connect(files(place.directory).observerMonitor);
  } catch (thrown) {
    if (thrown instanceof TurntableError && thrown.code === "host.command-failed") return undefined;
    throw thrown;
  }
}

/** As openMonitor, but undefined means that no QEMU of the VM's lives: one that lives and cannot be asked is never taken for dead. */
export async function askMonitor(place: Place, vmName: string): Promise<Qmp | undefined> {
  const qmp = await openMonitor(place, vmName).catch(async (thrown: unknown) => {
    // It may be ending at this very moment, with its socket open to the last.
    if (await livingPid(place, files(place.directory).pid)) throw thrown;
    return undefined;
  });
  if (qmp || !(await livingPid(place, files(place.directory).pid))) return qmp;
  throw unaskable(place, vmName);
}

/** As askMonitor, for a VM that must be there. */
export async function requireMonitor(place: Place, vmName: string): Promise<Qmp> {
  const qmp = await askMonitor(place, vmName);
  if (qmp) return qmp;
  throw new TurntableError("hypervisor.failed", `no QEMU of ${vmName} answers at ${place.site}`, {
    retry: "unsafe",
    next: `See ${files(place.directory).log} at that host.`,
  });
}

/** QEMU runs, and its monitor's socket cannot be reached. */
export function unaskable(place: Place, vmName: string): TurntableError {
  const socket = files(place.directory).observerMonitor;
  return new TurntableError(
    "host.prerequisite-missing",
    `QEMU of ${vmName} runs at ${place.host.name}, but its monitor ${socket} cannot be reached from here`,
    {
      retry: "safe",
      next: "Let that host's sshd forward to unix sockets: AllowStreamLocalForwarding yes and AllowTcpForwarding local in sshd_config.",
    },
  );
}
