import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { attempt } from "../../examples/lab/command.ts";

const PROGRAM = fileURLToPath(new URL("traffic.py", import.meta.url));

/** Starts a program and resolves when it has written its first line; its end rejects. */
export async function startUntilReady(argv: readonly string[]): Promise<ChildProcess> {
  const [program = "", ...rest] = argv;
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`${argv.join(" ")} ended with ${code}`);
  });
  await Promise.race([once(child.stdout, "data"), ended]);
  ended.catch(() => {});
  return child;
}

/** A sink and echo at an address of a namespace; ends with the child. */
export function serveTraffic(namespace: string, address: string): Promise<ChildProcess> {
  return startUntilReady(["ip", "netns", "exec", namespace, "python3", PROGRAM, "serve", address]);
}

export async function endChild(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** The quickest of five TCP connections, in ms; undefined if there is no way there. */
export async function connectMs(namespace: string, address: string): Promise<number | undefined> {
  const { code, stdout } = await traffic(namespace, "connect", address);
  return code === 0 ? z.object({ connectMs: z.number() }).parse(JSON.parse(stdout)).connectMs : undefined;
}

/** What a TCP sender gets through, in Mbit/s, slow start aside. */
export async function floodMbps(namespace: string, address: string, seconds: number): Promise<number> {
  const { stdout } = await traffic(namespace, "flood", address, `${seconds}`);
  return z.object({ mbps: z.number() }).parse(JSON.parse(stdout)).mbps;
}

/** How many of `count` datagrams came back. */
export async function answeredOf(namespace: string, address: string, count: number): Promise<number> {
  const { stdout } = await traffic(namespace, "echo", address, `${count}`);
  return z.object({ answered: z.number() }).parse(JSON.parse(stdout)).answered;
}

function traffic(namespace: string, ...args: readonly string[]) {
  return attempt(["ip", "netns", "exec", namespace, "python3", PROGRAM, ...args]);
}
