import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callerOf } from "../../provider/aaa/caller.ts";
import { Channel } from "../../provider/aaa/channel.ts";
import { AaaClient } from "../../provider/aaa/client.ts";
import { DracLightpath } from "../../provider/lightpath/drac/client.ts";
import { connection, type ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { grantFor, tokenRequestFor, wishFor } from "./agents.ts";
import { makeTestbed, NAMES, type Name, SAN, type Testbed } from "./testbed.ts";

const program = new URL("../../provider/main.ts", import.meta.url).pathname;

const HOLD_SECONDS = 4;

describe("turntable domain", () => {
  let bed: Testbed;
  const running = new Map<Name, ChildProcessWithoutNullStreams>();
  const log = (): string => `${bed.directory}/log`;
  beforeAll(async () => {
    bed = await makeTestbed((config) => ({ ...config, holdSeconds: HOLD_SECONDS }));
    await Promise.all(NAMES.map(start));
  });
  afterAll(async () => {
    await Promise.all(NAMES.map((name) => stop(name, "SIGKILL")));
    await bed.remove();
  });

  function run(file: string): ChildProcessWithoutNullStreams {
    return spawn(process.execPath, [program, "domain", "--config", file]);
  }
  async function start(name: Name): Promise<void> {
    const child = run(bed.configFile(name));
    running.set(name, child);
    child.stderr.on("data", (data: Buffer) => void appendFile(log(), data));
    const { value } = await createInterface(child.stdout)[Symbol.asyncIterator]().next();
    expect(value).toBe(`${name} at ${bed.records[name].url} is listening`);
  }
  async function stop(name: Name, signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    const child = running.get(name);
    running.delete(name);
    if (child === undefined) return null;
    child.kill(signal);
    child.kill("SIGCONT");
    return await ended(child);
  }
  const clients = () => {
    const record = bed.records["ams.example"];
    return { aaa: new AaaClient(record, bed.clients.alice), drac: new DracLightpath(record, bed.clients.alice) };
  };

  it("ends at once and well when it is told to", async () => {
    expect(await stop("transit.example", "SIGTERM")).toBe(0);
    await start("transit.example");
  });

  it("writes no secret to its log", async () => {
    const { aaa, drac } = clients();
    const wish = wishFor();
    const grant = await aaa.requestGrant(grantFor(wish));
    const { token } = await aaa.mintToken({ ...tokenRequestFor(wish), grant: grant.jwt });
    const { connectionId } = await drac.reserve(wish, token);
    await expect(drac.reserve({ ...wish, vm: "other" }, token)).rejects.toThrow(/not for other/);
    await aaa.mintToken({ ...tokenRequestFor(wish), grant: `${grant.jwt}x` }).catch(() => undefined);
    await drac.terminate(connectionId);
    await aaa.revokeGrant(grant.id);
    const written = async () => await readFile(log(), "utf8");
    await expect.poll(written, { timeout: 10_000 }).toContain(`"url":"/aaa/grants/${grant.id}"`);
    const text = await written();
    expect(text).toContain(`/drac/connections/${connectionId}/commit`);
    const signatures = [
      grant.jwt,
      token,
      ...Object.values(decodeJwt<{ consents: Record<string, string> }>(token).consents),
    ];
    for (const jwt of signatures) for (const piece of jwt.split(".").slice(1)) expect(text).not.toContain(piece);
    for (const pair of [bed.clients.alice, ...Object.values(bed.signing)])
      expect(text).not.toContain(JSON.parse(pair.key).d);
    expect(text).not.toMatch(/Bearer|eyJ/);
  });

  async function tokenFor(aaa: AaaClient, wish: ReserveRequest): Promise<string> {
    const grant = await aaa.requestGrant(grantFor(wish));
    return (await aaa.mintToken({ ...tokenRequestFor(wish), grant: grant.jwt })).token;
  }

  /** Kills the coordinator when the first two domains have done their part and it waits for the frozen third; starts it again after the hold's time. */
  async function killDuring(id: string, done: string, task: () => Promise<unknown>): Promise<void> {
    running.get("san.example")?.kill("SIGSTOP");
    const outcome = task().catch(String);
    const others = () => segmentsOf(id).slice(0, 2);
    await expect.poll(others, { timeout: 10_000, interval: 20 }).toEqual([done, done]);
    await stop("ams.example", "SIGKILL");
    running.get("san.example")?.kill("SIGCONT");
    await sleep(HOLD_SECONDS * 1_000);
    expect(await outcome).toMatch(/ECONN|socket|other side/i);
    await start("ams.example");
  }

  /** What each domain has on record for a connection. */
  function segmentsOf(id: string): unknown[] {
    return NAMES.map((name) => {
      const store = new DatabaseSync(`${bed.directory}/${name}.sqlite`, { readOnly: true });
      try {
        return store.prepare("SELECT state FROM segments WHERE id = ?").get(id)?.state;
      } finally {
        store.close();
      }
    });
  }

  it("undoes what it had begun when it was killed between two domains", async () => {
    const { aaa, drac } = clients();
    const wish = wishFor({ bandwidthMbps: 1_000, vm: "interrupted" });
    const token = await tokenFor(aaa, wish);
    const channel = new Channel(bed.records["ams.example"], callerOf(bed.clients.alice), 10_000);
    const path = ["drac", "connections"];
    const onwards = ["drac", "segments"];
    const held = await channel.ask({ method: "POST", path, onwards, body: wish, token, answer: connection });
    if (held.kind !== "ok") throw new Error(JSON.stringify(held));
    const first = held.value.connectionId;
    const of = [first, "commit"];
    const asked = { path: [...path, ...of], onwards: [...onwards, ...of], token, answer: connection };
    const commit = { method: "POST", ...asked } as const;
    const committing = async () => JSON.stringify(await channel.ask(commit));
    await killDuring(first, "reserved", committing);
    await channel.close();
    await expect.poll(() => segmentsOf(first), { timeout: 20_000 }).toEqual(Array(3).fill("terminated"));
    // Told a moment after the last domain has done it.
    await expect.poll(async () => (await drac.query(first))?.state).toBe("terminated");

    const second = await tokenFor(aaa, wish);
    const { connectionId } = await drac.reserve(wish, second);
    const lighting = async () => await drac.provision(connectionId, second);
    await killDuring(connectionId, "provisioned", lighting);
    await expect.poll(() => segmentsOf(connectionId), { timeout: 20_000 }).toEqual(Array(3).fill("reserved"));
    await expect.poll(async () => (await drac.query(connectionId))?.state).toBe("reserved");
    await drac.terminate(connectionId);
    await drac.terminate((await drac.reserve(wish, await tokenFor(aaa, wish))).connectionId);
  }, 90_000);

  /** Of each domain: the rate in force, and whether another version stands beside it. */
  function versionsOf(id: string): string[] {
    const select =
      "SELECT mbps, version_phase FROM segments LEFT JOIN segment_versions USING (coordinator, id) WHERE id = ?";
    return NAMES.map((name) => {
      const found = read(name, select, id);
      return `${found?.mbps} ${found?.version_phase ?? "settled"}`;
    });
  }
  function read(name: Name, select: string, id: string) {
    const store = new DatabaseSync(`${bed.directory}/${name}.sqlite`, { readOnly: true });
    try {
      return store.prepare(select).get(id);
    } finally {
      store.close();
    }
  }
  const signal = (name: Name, what: NodeJS.Signals) => running.get(name)?.kill(what);
  const reach = async (id: string, all: string[]) =>
    await expect.poll(() => versionsOf(id), { timeout: 10_000, interval: 10 }).toEqual(all);

  it("gives a connection its old rate or its new one everywhere, whoever is killed between two domains", async () => {
    const { aaa, drac } = clients();
    const wish = wishFor({ bandwidthMbps: 400, vm: "widened" });
    const token = await tokenFor(aaa, wish);
    const { connectionId: id } = await drac.reserve(wish, token);
    await drac.provision(id, token);
    const wider = await tokenFor(aaa, { ...wish, bandwidthMbps: 900 });
    const modify = () => drac.modify(id, { vm: wish.vm, bandwidthMbps: 900 }, wider).then(() => "done", String);
    /** Modifies until ams and transit have the new rate and san, frozen, is yet to commit it; resolves with what comes of it. */
    const half = async () => {
      signal("transit.example", "SIGSTOP");
      const outcome = modify();
      await reach(id, ["400 held", "400 settled", "400 held"]);
      signal("san.example", "SIGSTOP");
      signal("transit.example", "SIGCONT");
      await reach(id, ["900 committed", "900 committed", "400 held"]);
      return { outcome };
    };
    for (const killed of ["ams.example", "san.example"] as const) {
      const { outcome } = await half();
      await stop(killed, "SIGKILL");
      signal("san.example", "SIGCONT");
      await start(killed);
      expect(await outcome).not.toBe("done");
      await reach(id, Array(3).fill("400 settled"));
      expect(await drac.query(id)).toMatchObject({ state: "provisioned", bandwidthMbps: 400 });
    }
    // All have agreed, and one of them does not know yet when the coordinator is killed.
    const { outcome } = await half();
    signal("transit.example", "SIGSTOP");
    signal("san.example", "SIGCONT");
    const agreed = () => read("ams.example", "SELECT phase FROM modifications WHERE connection = ?", id)?.phase;
    await expect.poll(agreed, { timeout: 10_000, interval: 10 }).toBe("agreed");
    await stop("ams.example", "SIGKILL");
    expect(versionsOf(id)[1]).toBe("900 committed");
    signal("transit.example", "SIGCONT");
    await outcome;
    await start("ams.example");
    await reach(id, Array(3).fill("900 settled"));
    expect(await drac.query(id)).toMatchObject({ state: "provisioned", bandwidthMbps: 900 });
    await drac.terminate(id);
  }, 90_000);

  it("says all that is wrong with its configuration, and starts not", async () => {
    const file = `${bed.directory}/wrong.json`;
    const good = JSON.parse(await readFile(bed.configFile("ams.example"), "utf8"));
    const wrong: [unknown, RegExp][] = [
      [{ ...good, listen: { address: 1, port: "x" }, extra: 1 }, /listen.address(.|\n)*listen.port/],
      [
        { ...good, clients: [...good.clients, { ...good.clients[0], id: "san.example" }] },
        /san.example is named twice/,
      ],
      [
        { ...good, clients: [...good.clients, { ...good.clients[0], id: "carol" }] },
        /alice and carol have the same key/,
      ],
      [{ ...good, sites: { [SAN]: { hostKeys: [] } } }, /sites: .*san.* is no STP of ams.example/],
      [{ ...good, peers: [{ ...good.peers[0], may: ["rule"] }] }, /peers\[0\].may/],
      [
        { ...good, element: { driver: "linux", devices: { east: ["x0"] } } },
        /port east of near needs 4 devices.*port host/,
      ],
      [{ ...good, signingKeyFile: "ams.example.tls.pem" }, /the key of ams.example is not an Ed25519 key/],
      [{ ...good, tls: { ...good.tls, keyFile: "absent.key" } }, /absent.key/],
    ];
    for (const [config, reason] of wrong) {
      await writeFile(file, JSON.stringify(config));
      const child = run(file);
      let said = "";
      child.stderr.on("data", (data: Buffer) => (said += data.toString()));
      expect(await ended(child), String(reason)).toBe(1);
      expect(said).toMatch(reason);
    }
  });
});

async function ended(child: ChildProcessWithoutNullStreams): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null)
    await new Promise((resolve) => child.once("close", resolve));
  return child.exitCode;
}
