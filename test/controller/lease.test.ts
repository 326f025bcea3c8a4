import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Lease, leased, type Patience } from "../../provider/controller/lease.ts";
import { claimFor, Tenure } from "../../provider/controller/tenure.ts";
import type { Host } from "../../provider/host/host.ts";
import type { Pulse } from "../../provider/host/pulse.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

const PATIENCE: Patience = { beatMs: 100, silenceMs: 20_000, waitMs: 30_000, tellMs: 200 };
let sites: TwoSites;
let host: Host;

beforeEach(async () => {
  sites = await twoSites();
  host = (await sites.moveOf()).from.host;
});
afterEach(async () => sites?.close());

const pathAt = (site: "ams" | "san") => `${sites.directory}/${site}/.tiny.lease`;
const inscribed = async (site: "ams" | "san") => JSON.parse(await readFile(pathAt(site), "utf8"));
const hold = <T>(purpose: string, act: (lease: Lease) => Promise<T>, patience = PATIENCE) =>
  leased(sites.context, "tiny", { sites: [sites.san, sites.ams], purpose }, act, patience);
const seek = (purpose: string, pulse: Pulse = PATIENCE) =>
  Tenure.seek(host, pathAt("ams"), claimFor(purpose), pulse, () => undefined);

async function until(there: () => Promise<boolean> | boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) if (await there()) return;
  throw new Error("it did not come");
}

const gone = (site: "ams" | "san") =>
  readFile(pathAt(site)).then(
    () => false,
    () => true,
  );

test("a lease stands at both hosts, says whose it is, and is gone with its holder", async () => {
  await hold("moves ams → san", async (lease) => {
    expect(lease).toMatchObject({ silent: [], lost: undefined });
    for (const site of ["ams", "san"] as const) {
      const { number, who, pid, purpose } = await inscribed(site);
      expect({ pid, purpose }).toEqual({ pid: process.pid, purpose: "moves ams → san" });
      expect(who).toMatch(/^\w+@/);
      expect(Math.abs(number - Date.now())).toBeLessThan(60_000);
    }
    const { from, to } = await sites.moveOf();
    expect(lease.warrantAt(from)).toEqual({ path: pathAt("ams"), number: (await inscribed("ams")).number });
    expect(lease.warrantAt(to)).toEqual({ path: pathAt("san"), number: (await inscribed("san")).number });
  });
  for (const site of ["ams", "san"] as const) expect(await host.list(`${sites.directory}/${site}`)).toEqual([]);
});

test("of two controllers one works while the other waits, says for whom, and then has its turn", async () => {
  const order: string[] = [];
  const release = Promise.withResolvers<void>();
  const first = hold("moves ams → san", async () => {
    order.push("first");
    await release.promise;
    order.push("first is done");
  });
  await until(() => order.length > 0);
  const second = hold("removes it", async () => order.push("second"));
  const whom = new RegExp(
    `^tiny: waiting for pulumi of \\w+@\\S+ \\(pid ${process.pid}\\), which moves ams → san since [\\d:]{8} UTC`,
  );
  await until(() => sites.told.some((line) => whom.test(line) && /, for \d+ s$/.test(line)));
  expect(order).toEqual(["first"]);
  release.resolve();
  await Promise.all([first, second]);
  expect(order).toEqual(["first", "first is done", "second"]);
  expect(sites.told.at(-1)).toMatch(/^tiny: waited \d+ s for pulumi of /);
});

test("one that waits for too long is told whom to look for, and leaves the holder alone", async () => {
  await hold("moves ams → san", async (lease) => {
    const late = hold("removes it", async () => expect.unreachable("both have it"), { ...PATIENCE, waitMs: 5_000 });
    await expect(late).rejects.toMatchObject({ code: "vm.busy", retry: "safe" });
    await expect(late).rejects.toThrow(/tiny is still held by pulumi of .* which moves ams → san since/);
    expect(lease.lost).toBeUndefined();
    expect(await inscribed("ams")).toMatchObject({ purpose: "moves ams → san" });
  });
});

test("a holder that is killed leaves a lease to the next, whose number is higher", async () => {
  const first = await seek("moves ams → san");
  const number = await first.taken;
  // As if a clock had been put back since.
  await writeFile(pathAt("ams"), JSON.stringify({ ...(await inscribed("ams")), number: number * 2 }));
  await killHolder();
  await until(() => first.lost !== undefined);
  const second = await seek("removes it");
  expect(await second.taken).toBe(number * 2 + 1);
  await first.release();
  expect(second.lost).toBeUndefined();
  await second.release();
  expect(await gone("ams")).toBe(true);
});

/** SIGKILL to whoever has the lease's file open. */
async function killHolder(): Promise<void> {
  const open = ["find", "/proc", "-maxdepth", "3", "-path", "/proc/[0-9]*/fd/*", "-lname", pathAt("ams")];
  const { stdout } = await host.run(open, { allowFailure: true });
  const [pid] = /(?<=^\/proc\/)\d+/.exec(stdout) ?? [];
  process.kill(Number(pid), "SIGKILL");
}

test("a holder that falls silent without ending is freed, and knows first that it has lost", async () => {
  // It never beats: as seen from the host, and by itself, its line is dead.
  const silent = await seek("moves ams → san", { silenceMs: 6_000, beatMs: 3_600_000 });
  await silent.taken;
  let lostWhileHeld = false;
  await until(async () => {
    lostWhileHeld ||= silent.lost !== undefined && !(await gone("ams"));
    return gone("ams");
  });
  expect(lostWhileHeld).toBe(true);
  const next = await seek("removes it");
  await next.taken;
  expect(silent.lost).toMatch(/holds it no longer|was not heard for/);
  await next.release();
  await silent.release();
}, 60_000);

test("a host that does not answer is named, and its lease is not pretended", async () => {
  const { context } = sites;
  const deaf = { ...context, hosts: { open: ({ name }: { name: string }) => openUnless("san-1", name) } };
  const openUnless = async (silent: string, name: string) => {
    if (name === silent) throw new Error("no route");
    return host;
  };
  const { to } = await sites.moveOf();
  await leased(deaf, "tiny", { sites: [sites.ams, sites.san], purpose: "removes it" }, async (lease) => {
    expect(lease.silent).toEqual([{ site: "san", reason: "no route" }]);
    expect(() => lease.warrantAt(to)).toThrow(/no lease is held at san-1/);
  });
});
