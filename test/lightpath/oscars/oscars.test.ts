import { afterEach, beforeEach, expect, it } from "vitest";
import type { OscarsLightpath } from "../../../provider/lightpath/oscars/oscars.ts";
import { windowIn, wishFor } from "../../domain/agents.ts";
import { AMS, SAN } from "../../domain/testbed.ts";
import { Controller, TOKEN } from "./controller.ts";

let far: Controller;
let oscars: OscarsLightpath;
beforeEach(async () => {
  far = await Controller.start();
  oscars = far.lightpath();
});
afterEach(async () => await far?.end());

const reserve = async (changes: Parameters<typeof wishFor>[0] = {}) => await oscars.reserve(wishFor(changes), "");
const offer = { from: AMS, to: SAN, bandwidthMbps: 600, minutes: 60 };

it("lives from offer to termination, with the window it was asked for", async () => {
  expect(await oscars.offer(offer)).toMatchObject({ hops: ["127.0.0.1"], rttMs: 198, freeMbps: 1_000 });
  const wish = wishFor();
  const reserved = await oscars.reserve(wish, "");
  expect(reserved).toMatchObject({ ...wish, state: "reserved", rttMs: 198 });
  expect(reserved.segments).toMatchObject([{ in: { port: AMS, channel: 0 }, out: { port: SAN, channel: 0 } }]);
  const { connectionId } = reserved;
  expect((await oscars.provision(connectionId)).state).toBe("provisioned");
  expect(await oscars.list()).toMatchObject([{ connectionId, window: wish.window, vm: "radar" }]);
  expect((await oscars.release(connectionId)).state).toBe("reserved");
  await oscars.terminate(connectionId);
  expect((await oscars.query(connectionId))?.state).toBe("terminated");
  await oscars.terminate(connectionId);
  expect(await oscars.query("N7YX")).toBeUndefined();
  expect(far.live()).toEqual([]);
});

it("is lit no sooner than OSCARS lets it begin", async () => {
  far.leadMs = 1_500;
  const before = Date.now();
  const { connectionId } = await reserve();
  expect((await oscars.provision(connectionId)).state).toBe("provisioned");
  expect(Date.now() - before).toBeGreaterThanOrEqual(1_500);
});

it("gets a VLAN of its own, of which the place is the host's device, even where many are asked for at once", async () => {
  const all = await Promise.all([0, 1, 2, 3].map((n) => reserve({ bandwidthMbps: 10, vm: `vm${n}` })));
  expect(all.map(({ segments }) => segments[0]?.in.channel).sort()).toEqual([0, 1, 2, 3]);
  await expect(reserve({ bandwidthMbps: 10 })).rejects.toMatchObject({
    ...{ code: "domain.refused", retry: "safe", message: expect.stringMatching(/of 100, 101, 102, 103 none is free/) },
  });
});

it("is shared by the VMs of this process, and ends with the last of them", async () => {
  const { connectionId } = await reserve();
  await oscars.join(connectionId, "sonar");
  await expect(oscars.terminate(connectionId)).rejects.toThrow(/is used by sonar too/);
  await oscars.leave(connectionId, "radar");
  expect(far.live()).toEqual(["RESERVED WAITING"]);
  await oscars.leave(connectionId, "sonar");
  expect(far.live()).toEqual([]);
  await expect(oscars.join(connectionId, "sonar")).rejects.toThrow(/it is terminated/);
});

it("is given another rate and end, or neither", async () => {
  const { connectionId, window } = await reserve();
  const { end } = windowIn(0, 7_200);
  const whole = new Date(Math.ceil(Date.parse(end) / 1_000) * 1_000).toISOString();
  const wider = await oscars.modify(connectionId, { vm: "radar", bandwidthMbps: 900, end });
  expect(wider).toMatchObject({ bandwidthMbps: 900, window: { start: window.start, end: whole } });
  await expect(oscars.modify(connectionId, { vm: "radar", bandwidthMbps: 1_001 })).rejects.toMatchObject({
    ...{ code: "domain.refused", message: expect.stringMatching(/1001 Mbps: Modification failed: no room/) },
  });
  far.next("/schedule", { status: 400 });
  await expect(oscars.modify(connectionId, { vm: "radar", bandwidthMbps: 700, end })).rejects.toThrow(/status 400/);
  expect(await oscars.query(connectionId)).toMatchObject({ bandwidthMbps: 900, window: { end: whole } });
});

it("is refused with what is lacking, before anything is held", async () => {
  await reserve({ bandwidthMbps: 700 });
  await expect(reserve()).rejects.toMatchObject({
    ...{ code: "domain.refused", retry: "safe", message: expect.stringMatching(/600 Mbps at A:1: 300 Mbps are free/) },
  });
  await expect(oscars.offer(offer)).rejects.toThrow(/300 Mbps are free there/);
  const nowhere = far.lightpath({ ports: {} });
  await expect(nowhere.offer(offer)).rejects.toMatchObject({ code: "input.invalid" });
  expect(far.asked.filter((path) => path === "/protected/hold")).toHaveLength(1);
});

it.each([
  ["before the hold", "lightpath.failed", /refused to reserve 600 Mbps .* \(status 500\)/],
  ["while it is held", "domain.refused", /A:1 : vlan not available/],
] as const)("leaves nothing where its VLAN is taken %s", async (when, code, message) => {
  far.takenMeanwhile = when;
  await expect(reserve()).rejects.toMatchObject({ code, retry: "safe", message: expect.stringMatching(message) });
  expect(far.live()).toEqual([]);
});

it.each([
  ["/hold", "silence after doing it", "domain.unreachable"],
  ["/commit", "silence after doing it", "domain.unreachable"],
  ["/commit", { status: 500 }, "lightpath.failed"],
  ["/commit", { status: 404 }, "domain.refused"],
  ["/paths", { status: 503 }, "domain.unreachable"],
  ["/generateId", "silence", "domain.unreachable"],
] as const)("leaves nothing where %s meets with %j", async (suffix, mishap, code) => {
  far.next(suffix, mishap);
  await expect(reserve()).rejects.toMatchObject({ code, retry: "safe" });
  expect(far.live()).toEqual([]);
});

it("tells what it could not give back, and gives it back later by its id, which was told before it was held", async () => {
  far.next("/commit", { status: 500 });
  far.next("/release", { status: 500 });
  const told: string[] = [];
  const named = async (id: string) => void told.push(`${id} ${far.live().length}`);
  await expect(oscars.reserve(wishFor(), "", named)).rejects.toMatchObject({
    ...{ retry: "unsafe", message: expect.stringMatching(/N7Y1 may stay reserved there/) },
  });
  expect(told).toEqual(["N7Y1 0"]);
  expect(await oscars.list()).toEqual([]);
  await far.lightpath().leave("N7Y1", "radar");
  expect(far.live()).toEqual([]);
});

it("is refused once its hold has run out, or was forgotten in a restart", async () => {
  far.holdMs = -1;
  await expect(reserve()).rejects.toMatchObject({
    ...{ code: "domain.refused", retry: "safe", message: expect.stringMatching(/whose hold may have run out/) },
  });
  far.holdMs = 900_000;
  const { connectionId } = await reserve();
  far.restart();
  expect(await far.lightpath().query(connectionId)).toMatchObject({ state: "reserved", vm: "radar" });
});

it("is not lit where the routers do not follow", async () => {
  far.routers = "fail";
  const { connectionId } = await reserve();
  await expect(oscars.provision(connectionId)).rejects.toMatchObject({
    ...{ code: "lightpath.failed", message: expect.stringMatching(/could not be built/) },
  });
});

it("cannot be had of what is not the pinned controller, or with a token that is not good, which is told to nobody", async () => {
  const impostor = far.lightpath({ fingerprint: `SHA256:${"A".repeat(43)}` });
  await expect(impostor.offer(offer)).rejects.toMatchObject({
    ...{ code: "domain.unreachable", message: expect.stringMatching(/another certificate/) },
  });
  expect(far.asked).toEqual([]);
  const stale = far.lightpath({}, "stale-token");
  await expect(stale.reserve(wishFor(), "")).rejects.toMatchObject({
    ...{ code: "domain.refused", retry: "never", next: expect.stringMatching(/turntable:oscarsTokenFile/) },
    message: expect.not.stringContaining("stale-token"),
  });
  far.next("/info/N7Y1", { status: 500 });
  await expect(oscars.query("N7Y1")).rejects.toMatchObject({ message: expect.not.stringContaining(TOKEN) });
});
