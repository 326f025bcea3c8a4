import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../examples/lab/command.ts";
import { CHANNELS, type DomainKey } from "../../examples/lab/layout.ts";
import type { Probe } from "../../examples/lab/probe/report.ts";
import { type StreamReport, startStream } from "../../examples/lab/probe/stream.ts";
import { moveRecord } from "../../provider/controller/placement.ts";
import { owed, remains, rows } from "./aftermath.ts";
import { pause } from "./breakage.ts";
import { type Placed, place } from "./placed.ts";
import { addRelay, type Relay } from "./relay.ts";
import { inside, SETTLING } from "./world.ts";

const LIVE = "SELECT id, state FROM segments WHERE state NOT IN ('terminated', 'timed-out')";

let placed: Placed;
let relay: Relay;
let stream: Probe<StreamReport>;

beforeAll(async () => {
  placed = await place();
  relay = await addRelay(placed.here);
  await placed.guest.write(7, 1);
  stream = await startStream(placed.here.inventory.namespaces.client, placed.address);
});
afterAll(async () => {
  await stream?.stop();
  await placed?.remove();
  await relay?.remove();
});

/** Where both channels of the link between ams and a domain end. */
async function set(namespace: string, state: "up" | "down"): Promise<void> {
  for (const channel of CHANNELS) await run(["ip", "-n", namespace, "link", "set", `west${channel}`, state]);
}

/**
 * Waits until a domain has its part of a path reserved, then takes its link to ams down: meanwhile the agent of the domain that is
 * asked stands still, so that nobody can have the path lit before.
 */
async function breakOnceReserved(domain: DomainKey | "relay", asked: DomainKey, namespace: string): Promise<void> {
  const { here } = placed;
  const isReserved = () => rows(here, domain, LIVE).some(({ state }) => state === "reserved");
  for (const untilMs = Date.now() + 60_000; !isReserved(); await sleep(2)) {
    if (Date.now() > untilMs) throw new Error(`nothing was reserved at ${domain}`);
  }
  const goOn = await pause(here, `agent-${asked}`);
  await set(namespace, "down").finally(goOn);
}

/** Nothing of the move's is anywhere but where the VM runs, and nobody noticed it. */
async function expectNothingOwed(): Promise<void> {
  expect(await owed(placed.here)).toEqual([]);
  await expect.poll(() => rows(placed.here, "relay", LIVE), SETTLING).toEqual([]);
  expect(await inside(relay.namespace, "ip", "-o", "link", "show", "type", "bridge")).toBe("");
  expect(await stream.report()).toMatchObject({ survived: true, holeCount: 0 });
  await placed.guest.check(7, 1);
}

test("a link that goes down between reservation and lighting is gone around, over another domain", async () => {
  const { pulumi, inventory } = placed.here;
  await pulumi.run("config", "set", "site", "san");
  const moving = pulumi.attempt("up", "--yes", "--skip-preview");
  await breakOnceReserved("transit", "ams", inventory.namespaces.transitSwitch).finally(() => moving);
  const { code, output } = await moving;
  expect({ code, output }).toMatchObject({ code: 0 });
  expect(output).toMatch(/\[3\/6\] light: a path through ams\.example, transit\.example, san\.example/);
  expect(output).toMatch(
    /turntable-vm ams → san light: link ams-transit is down: through ams\.example, relay\.example, san\.example instead/,
  );
  const [{ lastMove }] = [await pulumi.outputs()].map((all) => Object(all));
  expect(moveRecord.parse(lastMove)).toMatchObject({
    to: "san",
    path: { hops: ["ams.example", "relay.example", "san.example"] },
  });
  await expect.poll(() => remains(placed.here, "ams"), SETTLING).toBe(placed.bare.ams);
  await expectNothingOwed();
});

test("a move that finds no other way fails before its switchover, and says which link is down", async () => {
  const { pulumi } = placed.here;
  await pulumi.run("config", "set", "site", "ams");
  const moving = pulumi.attempt("up", "--yes", "--skip-preview");
  await breakOnceReserved("relay", "san", relay.namespace).finally(() => moving);
  const { code, output } = await moving;
  expect(code).not.toBe(0);
  expect(output).toMatch(/san → ams failed in stage light: .*link ams-relay is down: .* No other way was granted: /);
  expect(output).toMatch(/no path between .* carries 900 Mbps/);
  expect(output).toMatch(/Everything was taken back; the VM runs where it was/);
  await expectNothingOwed();
});
