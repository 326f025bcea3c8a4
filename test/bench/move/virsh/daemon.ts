import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { attempt } from "../../../../examples/lab/command.ts";
import { writeAtomically } from "../../../../examples/lab/files.ts";
import { type Lab, LIGHTPATH_ADDRESS, type SiteName } from "../../../../examples/lab/layout.ts";

const PROGRAM = fileURLToPath(new URL("daemon.py", import.meta.url));
const START_TIMEOUT_MS = 30_000;

/** A libvirt daemon of a site's own: on a machine of many sites each sees its files and its network alone. */
export interface Daemon {
  /** By which virsh reaches it from anywhere on this machine. */
  readonly uri: string;
  /** By which the other site's reaches it. */
  readonly peerUri: string;
  /** Where its images are, seen from outside; it sees them in /var/lib/libvirt/images. */
  readonly images: string;
  stop(): Promise<void>;
}

/** Whether both programs are there: the lab does without. */
export async function isLibvirtThere(): Promise<boolean> {
  const tries = ["virsh", "libvirtd"].map((program) =>
    attempt([program, "--version"]).then(
      ({ code }) => code === 0,
      () => false,
    ),
  );
  return !(await Promise.all(tries)).includes(false);
}

/** Starts a site's daemon and resolves when it answers; rejects with the place of its log after 30 s. */
export async function startDaemon(lab: Lab, site: SiteName): Promise<Daemon> {
  const folder = lab.path("virsh", site);
  for (const [name, settings] of Object.entries(settingsOf(site))) {
    await writeAtomically(join(folder, "etc", name), linesOf(settings));
  }
  const logFile = lab.path("log", `libvirtd-${site}.log`);
  const log = openSync(logFile, "w", 0o600);
  const enter = ["netns", "exec", lab.namespaces[site], "unshare", "--mount", "--uts"];
  const child = spawn("ip", [...enter, "python3", "-B", PROGRAM, site, folder], { stdio: ["ignore", log, log] });
  closeSync(log);
  const ended = once(child, "exit");
  const daemon: Daemon = {
    uri: `qemu+unix:///system?socket=${join(folder, "run/libvirt/libvirt-sock")}`,
    peerUri: `qemu+tcp://${LIGHTPATH_ADDRESS[site]}/system`,
    images: join(folder, "lib/images"),
    async stop() {
      child.kill();
      await ended;
    },
  };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while ((await attempt(["virsh", "-c", daemon.uri, "version", "--daemon"])).code !== 0) {
    if (Date.now() > deadline || child.exitCode !== null) {
      await daemon.stop();
      throw new Error(`libvirtd at ${site} does not answer: see ${logFile}`);
    }
    await sleep(200);
  }
  return daemon;
}

type Settings = Readonly<Record<string, string | number | readonly string[]>>;

/** Unguarded: nobody but the other site's daemon reaches it inside the lab. */
function settingsOf(site: SiteName): Readonly<Record<"libvirtd.conf" | "qemu.conf", Settings>> {
  return {
    "libvirtd.conf": {
      ...{ listen_tls: 0, listen_tcp: 1, listen_addr: "0.0.0.0" },
      ...{ auth_tcp: "none", auth_unix_rw: "none", auth_unix_ro: "none" },
      // Both would else take the machine's own, and refuse to migrate to themselves.
      host_uuid: site === "ams" ? "6f0a3c1e-0d0b-4a5e-9d5e-000000000001" : "6f0a3c1e-0d0b-4a5e-9d5e-000000000002",
    },
    "qemu.conf": {
      ...{ security_driver: "none", user: "root", group: "root", dynamic_ownership: 0, remember_owner: 0 },
      ...{ namespaces: [], cgroup_controllers: [], stdio_handler: "file" },
      ...{ migration_address: "0.0.0.0", migration_host: LIGHTPATH_ADDRESS[site] },
    },
  };
}

function linesOf(settings: Settings): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${Array.isArray(value) ? "[]" : JSON.stringify(value)}\n`)
    .join("");
}
