import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connectSsh } from "../../provider/host/ssh.ts";
import { lives } from "./processes.ts";
import { freePort, Sshd } from "./sshd.ts";

let sshd: Sshd;
let way: Server;
let ends: Socket[];

beforeEach(async () => {
  sshd = new Sshd(await freePort());
  await sshd.start();
  ends = [];
  way = createServer((near) => {
    const far = connect(sshd.port, "127.0.0.1");
    for (const end of [near, far]) ends.push(end.on("error", () => undefined));
    near.pipe(far).pipe(near);
  }).listen(0, "127.0.0.1");
  await once(way, "listening");
});
afterEach(async () => {
  for (const end of ends) end.destroy();
  way.close();
  await sshd.stop();
});

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Nothing passes any more, and nobody is told. */
function blackhole(): void {
  for (const end of ends) end.unpipe().pause();
}

test("a line that falls silent is given up at the host too: what it held there is free, what it launched lives on", async () => {
  const silent = await connectSsh(sshd.record({ port: portOf(way) }), { privateKey: sshd.client.privateKey });
  const other = await connectSsh(sshd.record(), { privateKey: sshd.client.privateKey });
  const monitor = createServer().listen(join(sshd.folder, "monitor.sock"));
  try {
    await once(monitor, "listening");
    const accepted = once(monitor, "connection");
    (await silent.connect(join(sshd.folder, "monitor.sock"))).on("error", () => undefined);
    const [served] = await accepted;
    const launched = await silent.launch(["sleep", "600"], { logFile: join(sshd.folder, "sleep.log") });
    const noted = join(sshd.folder, "command.pid");
    const command = silent.run(["sh", "-c", 'echo $$ > "$0"; exec sleep 500', noted], { timeoutMs: 600_000 });
    const broken = expect(command).rejects.toMatchObject({ code: "host.unreachable" });
    await expect.poll(() => readFile(noted, "utf8").catch(() => "")).toMatch(/\d+\n/);
    const running = Number(await readFile(noted, "utf8"));
    blackhole();
    await once(served, "close");
    await expect.poll(() => lives(running)).toBe(false);
    expect(lives(launched)).toBe(true);
    process.kill(launched);
    expect((await other.run(["echo", "all well"])).stdout).toBe("all well\n");
    await broken;
  } finally {
    await Promise.all([silent.close(), other.close()]);
    monitor.close();
  }
}, 60_000);
