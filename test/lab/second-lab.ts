import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { attempt, type Outcome } from "../../examples/lab/command.ts";
import { type Description, description } from "../../examples/lab/description.ts";
import { type Lab, layOut } from "../../examples/lab/layout.ts";

const MAIN = fileURLToPath(new URL("../../examples/lab/main.ts", import.meta.url));

/** A lab of a test's own, beside any other: other names, other ports, another directory, no stack. */
export interface SecondLab {
  readonly lab: Lab;
  /** `lab <verb> …`, as a user would call it. */
  call(...args: readonly string[]): Promise<Outcome>;
  /** Down, and the description removed. */
  dispose(): Promise<void>;
}

export async function describeSecondLab(changes: Partial<Description> = {}): Promise<SecondLab> {
  const id = Math.random().toString(36).slice(2, 8);
  const [ams = 0, san = 0, gateway = 0, a = 0, t = 0, s = 0] = await freePorts(6);
  const described = description.parse({
    name: `t${id}`,
    directory: `/var/tmp/turntable-${id}`,
    span: { rttMs: 60, rateMbps: 300, lossPercent: 0 },
    routed: { rateMbps: 20 },
    ports: { ams, san, gateway, agents: { ams: a, transit: t, san: s } },
    ...changes,
  });
  const folder = await mkdtemp(join(tmpdir(), "second-lab-"));
  const file = join(folder, "lab.json");
  await writeFile(file, JSON.stringify(described));
  const env = { ...process.env, TURNTABLE_LAB_DESCRIPTION: file };
  const call = (...args: readonly string[]): Promise<Outcome> => attempt([process.execPath, MAIN, ...args], { env });
  return {
    lab: layOut(described),
    call,
    async dispose() {
      await call("down");
      await rm(folder, { recursive: true });
    },
  };
}

/** Loopback ports that were free a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listenAnywhere));
  const ports = servers.map(portOf);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listenAnywhere(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return address.port;
}
