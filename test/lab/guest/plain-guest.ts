import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { buildGuest, GUEST_COMMAND_LINE } from "../../../examples/lab/guest/build.ts";
import { Monitor } from "./qmp.ts";

const exec = promisify(execFile);

export const GUEST_ADDRESS = "10.1.1.2";
export const GUEST_MAC = "52:54:00:10:01:02";
const BLOCK_BYTES = 4096;
const BOOT_TIMEOUT_MS = 40_000;

/** Runs ip(8). */
export async function ip(...args: string[]): Promise<void> {
  await exec("ip", args);
}

/** The guest in plain QEMU: a site's namespace with a bridge, and a client's beside it that is 10.1.1.1. */
export class PlainGuest {
  readonly site: string;
  readonly client: string;
  /** The site's device towards the client. */
  readonly uplink = "up0";
  /** From the start of QEMU until the application was there. */
  bootMs = 0;
  #directory = "";
  /** What its disk was before anything was written. */
  #pristine = "";
  #qemu: ChildProcess | undefined;
  #monitor: Monitor | undefined;

  constructor() {
    const name = `tg${randomBytes(3).toString("hex")}`;
    this.site = `${name}-site`;
    this.client = `${name}-client`;
  }

  get monitor(): Monitor {
    if (this.#monitor === undefined) throw new Error("boot() comes first");
    return this.#monitor;
  }

  /** Sends a signal to QEMU's process. */
  signal(signal: NodeJS.Signals): void {
    this.#qemu?.kill(signal);
  }

  /** Spoils a sector of a file on the guest's disk beneath it. */
  async spoil(file: string): Promise<void> {
    const raw = path.join(this.#directory, "disk.raw");
    // A mounted file system's tables may contradict each other at any one instant; where a file lies has not changed.
    await exec("qemu-img", ["convert", "-O", "raw", this.#pristine, raw]);
    const { stdout, stderr } = await exec("debugfs", ["-R", `blocks ${file}`, raw]);
    const offset = Number(stdout.split(" ")[0]) * BLOCK_BYTES;
    if (!(offset > 0)) throw new Error(`debugfs does not tell where ${file} lies: ${stderr}`);
    await this.monitor.execute("human-monitor-command", {
      "command-line": `qemu-io d0 "write -P 90 ${offset} 512"`,
    });
  }

  async makeNamespaces(): Promise<void> {
    await ip("netns", "add", this.site);
    await ip("netns", "add", this.client);
  }

  async makeLinks(): Promise<void> {
    const { site, client, uplink } = this;
    await ip("-n", site, "link", "add", "br0", "mtu", "1400", "type", "bridge", "forward_delay", "0");
    await ip("-n", site, "tuntap", "add", "tap0", "mode", "tap");
    await ip("-n", client, "link", "add", "eth0", "mtu", "1400", "type", "veth", "peer", uplink, "netns", site);
    for (const port of ["tap0", uplink])
      await ip("-n", site, "link", "set", port, "mtu", "1400", "master", "br0", "up");
    await ip("-n", site, "link", "set", "br0", "up");
    await ip("-n", client, "addr", "add", "10.1.1.1/24", "dev", "eth0");
    await ip("-n", client, "link", "set", "eth0", "up");
  }

  async boot(): Promise<void> {
    this.#directory = await mkdtemp(path.join(tmpdir(), "plain-guest-"));
    const { kernel, initrd, disk } = await buildGuest(path.join(tmpdir(), "turntable-test-guest"));
    const file = (name: string) => path.join(this.#directory, name);
    await copyFile(disk, file("disk.qcow2"));
    this.#pristine = disk;
    const startedAt = performance.now();
    const machine = "-M pc,hpet=on -accel tcg -cpu max -m 200 -nodefaults -display none".split(" ");
    const devices = [
      ...["-drive", `file=${file("disk.qcow2")},if=none,id=d0`, "-device", "virtio-blk-pci,drive=d0"],
      ...["-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no"],
      ...["-device", `virtio-net-pci,netdev=n0,mac=${GUEST_MAC}`],
      ...["-serial", `file:${file("serial.log")}`, "-qmp", `unix:${file("qmp")},server=on,wait=off`],
    ];
    const image = ["-kernel", kernel, "-initrd", initrd, "-append", `${GUEST_COMMAND_LINE} MB=80`];
    const command = ["netns", "exec", this.site, "qemu-system-x86_64", ...machine, ...devices, ...image];
    this.#qemu = spawn("ip", command, { stdio: ["ignore", "ignore", "inherit"] });
    this.#monitor = await Monitor.open(file("qmp"));
    for (let serial = ""; !serial.includes("GUEST READY"); serial = await readFile(file("serial.log"), "utf8")) {
      if (performance.now() - startedAt > BOOT_TIMEOUT_MS) throw new Error(`The guest did not boot: ${serial}`);
      await sleep(50);
    }
    this.bootMs = performance.now() - startedAt;
  }

  /** Removes all of it, however far it came. */
  async remove(): Promise<void> {
    this.#monitor?.close();
    if (this.#qemu !== undefined && this.#qemu.exitCode === null) {
      const ended = once(this.#qemu, "exit");
      this.#qemu.kill("SIGKILL");
      await ended;
    }
    for (const namespace of [this.site, this.client]) await ip("netns", "del", namespace).catch(() => {});
    if (this.#directory !== "") await rm(this.#directory, { recursive: true, force: true });
  }
}
