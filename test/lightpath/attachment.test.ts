import { afterEach, beforeEach, expect, test } from "vitest";
import type { Host } from "../../provider/host/host.ts";
import { openLocal } from "../../provider/host/local.ts";
import {
  type Attachment,
  attach,
  detach,
  initialWindowSegments,
  measureRtt,
} from "../../provider/lightpath/attachment.ts";
import { type TwoSites, twoSites } from "../controller/two-sites.ts";

let sites: TwoSites;
let hosts: Record<"ams" | "san", Host>;
const ADDRESS = { ams: "192.0.2.130", san: "198.51.100.130" } as const;

beforeEach(async () => {
  sites = await twoSites();
  hosts = {
    ams: openLocal("ams", { namespace: sites.namespace("ams") }),
    san: openLocal("san", { namespace: sites.namespace("san") }),
  };
});
afterEach(async () => {
  await Promise.all([hosts?.ams.close(), hosts?.san.close()]);
  await sites?.close();
});

const end = (site: "ams" | "san"): Attachment => ({
  ...{ host: hosts[site], device: "lp0", address: ADDRESS[site], peerAddress: ADDRESS[site === "ams" ? "san" : "ams"] },
  ...{ mtu: 9000, bandwidthMbps: 200, initialWindowSegments: 277 },
});

test("two hosts of unrelated address plans reach each other over the path, shaped and with an early start", async () => {
  await Promise.all([attach(end("ams")), attach(end("san"))]);
  expect(await measureRtt(end("ams"))).toBeGreaterThan(0);
  expect(await sites.ip("ams", "-o", "-4", "address", "show", "lp0")).toMatch(/192\.0\.2\.130\/32/);
  const route = await sites.ip("ams", "route", "show", ADDRESS.san);
  expect(route).toMatch(/dev lp0 .*src 192\.0\.2\.130 .*initcwnd 277 initrwnd 277 congctl cubic/);
  const { stdout } = await hosts.ams.run(["tc", "qdisc", "show", "dev", "lp0"]);
  expect(stdout).toMatch(/tbf .*rate 196Mbit/);
});

test("attached twice is attached once, and detached is as if never attached", async () => {
  const before = await seen();
  for (let times = 0; times < 2; times++) await Promise.all([attach(end("ams")), attach(end("san"))]);
  expect((await sites.ip("ams", "-o", "-4", "address", "show", "lp0")).trim().split("\n")).toHaveLength(1);
  for (let times = 0; times < 2; times++) await detach(end("ams"));
  expect(await seen()).toBe(before);
});

test("a port whose device is gone is detached", async () => {
  await attach(end("ams"));
  await sites.ip("ams", "link", "delete", "lp0");
  await detach(end("ams"));
  expect(await sites.ip("ams", "-o", "address", "show")).not.toContain("lp0");
  expect(await sites.ip("ams", "-o", "route", "show", "table", "all")).not.toContain(ADDRESS.san);
});

async function seen(): Promise<string> {
  const addresses = await sites.ip("ams", "-o", "address", "show", "dev", "lp0");
  const routes = await sites.ip("ams", "route", "show", "table", "all");
  const queues = await hosts.ams.run(["tc", "qdisc", "show", "dev", "lp0"]);
  const flags = /<([^>]*)>/.exec(await sites.ip("ams", "-o", "link", "show", "lp0"))?.[1]?.split(",") ?? [];
  const shaped = /tbf/.test(queues.stdout);
  return JSON.stringify({ addresses, routes, shaped, up: flags.includes("UP") });
}

test("a path on which nobody answers is told with both ends", async () => {
  await attach(end("ams"));
  await expect(measureRtt(end("ams"))).rejects.toMatchObject({
    ...{ code: "lightpath.failed", retry: "safe" },
    message: expect.stringMatching(/ams .*gets no answer from 198\.51\.100\.130/),
  });
}, 60_000);

test("the first window is half of what the path holds, within bounds", () => {
  expect(initialWindowSegments(900, 198, 9000)).toBe(1245);
  expect(initialWindowSegments(10_000, 198, 9000)).toBe(1400);
  expect(initialWindowSegments(1, 10, 1500)).toBe(10);
});
