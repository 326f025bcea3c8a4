import { spawn } from "node:child_process";
import { createConnection } from "node:net";
import { constants } from "node:os";
import type { Duplex } from "node:stream";
import { reasonOf, TurntableError } from "../errors.ts";
import { BOOTSTRAP_ARGV, SYSTEM_PROGRAMS } from "./bootstrap.ts";
import type { Host } from "./host.ts";
import { hostOver } from "./host-over.ts";
import type { Channel, Transport } from "./transport.ts";

function unreachable(name: string, thrown: unknown): TurntableError {
  return new TurntableError("host.unreachable", `Nothing can be started at ${name}: ${reasonOf(thrown)}`, {
    retry: "safe",
    next: "Install python3 and iproute2 on this machine, then run pulumi up again",
    cause: thrown,
  });
}

function start(name: string, argv: readonly string[], cuts: Set<() => void>): Promise<Channel> {
  const [program = "python3", ...rest] = argv;
  // A session of its own: Ctrl-C at the terminal must not reach it before the closed input does.
  const env = { ...process.env, PATH: `${SYSTEM_PROGRAMS}:${process.env.PATH ?? ""}` };
  const child = spawn(program, rest, { stdio: "pipe", detached: true, cwd: "/", env });
  const cut = () => {
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
    child.unref();
  };
  cuts.add(cut);
  const ended = new Promise<number>((resolve) => {
    child.on("close", (code, signal) => {
      cuts.delete(cut);
      resolve(code ?? (signal ? 128 + constants.signals[signal] : 255));
    });
  });
  return new Promise((resolve, reject) => {
    child.once("error", (thrown) => reject(unreachable(name, thrown)));
    child.once("spawn", () => resolve({ input: child.stdin, output: child.stdout, errors: child.stderr, ended }));
  });
}

function connectUnix(socketPath: string): Promise<Duplex> {
  const socket = createConnection(socketPath);
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/**
 * This machine as a host, or what is seen of it from inside a network namespace (`ip netns`).
 * Unix sockets and files are the same in all network namespaces.
 */
export function openLocal(name: string, options: { namespace?: string } = {}): Host {
  const enter = options.namespace === undefined ? [] : ["ip", "netns", "exec", options.namespace];
  const cuts = new Set<() => void>();
  const transport: Transport = {
    name: `${name} (this machine)`,
    open: () => start(transport.name, [...enter, ...BOOTSTRAP_ARGV], cuts),
    connect: connectUnix,
    close: async () => {
      for (const cut of cuts) cut();
    },
  };
  return hostOver(transport);
}
