import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Host } from "../../provider/host/host.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import { VXLAN_PORT } from "../../provider/tunnel/gateway-program.ts";
import { vxlan } from "../../provider/tunnel/vxlan.ts";
import { CLIENT, GATEWAY, MAC, Network, SITES, VM } from "./network.ts";
import { dropped, order, trigger } from "./probes.ts";
import { SessionEnd } from "./session.ts";

const PROGRAM = readFileSync(new URL("./reset.py", import.meta.url), "utf8");
const { vxlan: device } = segmentOf("guest");

/** A way for a reset into a session. */
interface Way {
  readonly name: string;
  /** Whose end of the session is to be reset. */
  readonly victim: "client" | "vm";
  /** Which end of the tunnel it is sent to, and who is heard there. */
  readonly into: "gateway" | "san";
  readonly heard: "gateway" | "san";
}
const WAYS: readonly Way[] = [
  { name: "to the client, by the gateway", victim: "client", into: "gateway", heard: "san" },
  { name: "to the VM, by the gateway", victim: "vm", into: "gateway", heard: "san" },
  { name: "to the VM, straight to its new site", victim: "vm", into: "san", heard: "gateway" },
];

describe("a TCP session of a client, when its VM has moved", () => {
  let network: Network;
  let client: Host;
  const ends: SessionEnd[] = [];
  const hosts = () => ({ gateway: network.gateway, ...network.sites });
  const opened = async (opening: Promise<SessionEnd>) => {
    const end = await opening;
    ends.push(end);
    return end;
  };

  beforeEach(async () => {
    network = new Network();
    const { gateway, sites, record } = network;
    client = network.addClient();
    // Whatever the machine's defaults are: nothing but the tunnel's own filters is to stand in a reset's way.
    const anySource = ["net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"];
    await gateway.run(["sysctl", "-qw", ...anySource]);
    await vxlan.attach(sites.ams, record, SITES.ams);
    await vxlan.attach(sites.san, record, SITES.san);
    await vxlan.establish(gateway, record, { address: SITES.ams, epoch: 1 });
  });
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end.close()));
    await network.stop();
  });

  /** As a move does it: the VM is at the other site, its gateway hears of it, and the old site's end goes. */
  async function move(): Promise<void> {
    const staged = await vxlan.stage(network.gateway, network.record, { address: SITES.san, epoch: 2 });
    try {
      network.replug("ams", "san");
      await trigger(network.sites.san, staged, order("turn", 2, staged.trigger.keyHex));
      await staged.turned;
    } finally {
      await staged.cancel();
    }
    await vxlan.detach(network.sites.ams, network.record);
  }

  /** A reset that the victim's kernel takes for the other end's: all is right about it but where it comes from. */
  async function resetOf(session: SessionEnd, vm: SessionEnd, { victim, into }: Way) {
    const gatewayMac = (await network.gateway.run(["cat", `/sys/class/net/${device}/address`])).stdout.trim();
    const { expects, sends } = await session.numbers();
    const ofClient = { address: CLIENT, port: session.port };
    const ofVm = { address: VM, port: vm.port };
    const [source, destination, sequence] = victim === "client" ? [ofVm, ofClient, expects] : [ofClient, ofVm, sends];
    const [from, to] = into === "gateway" ? [MAC, gatewayMac] : [gatewayMac, MAC];
    return {
      to: into === "gateway" ? GATEWAY : SITES.san,
      port: VXLAN_PORT,
      vni: network.record.vni,
      source: { ...source, mac: from },
      destination: { ...destination, mac: to },
      sequence,
    };
  }

  async function send(from: Host, reset: object): Promise<void> {
    const pilot = await from.pilot(PROGRAM, reset);
    expect(await pilot.ended).toMatchObject({ code: 0, stderr: "" });
  }

  for (const way of WAYS) {
    test(`survives a reset that the old site sends ${way.name}`, async () => {
      const vm = await opened(SessionEnd.serve(network.vms.ams, VM));
      const session = await opened(SessionEnd.open(client, VM));
      expect(await session.say("before")).toEqual({ heard: "before" });
      await move();
      expect(await session.say("moved")).toEqual({ heard: "moved" });

      const door = hosts()[way.into];
      const refused = await dropped(door);
      await send(network.sites.ams, await resetOf(session, vm, way));
      await expect.poll(() => dropped(door)).toBe(refused + 1);
      expect(await session.say("attacked")).toEqual({ heard: "attacked" });

      // It was no blank: the very same reset ends a session, if only it comes from where the tunnel leads.
      const other = await opened(SessionEnd.open(client, VM));
      expect(await other.say("hello")).toEqual({ heard: "hello" });
      const reset = await resetOf(other, vm, way);
      await send(network.sites.ams, reset);
      await expect.poll(() => dropped(door)).toBe(refused + 2);
      expect(await resetOf(other, vm, way)).toEqual(reset);
      await send(hosts()[way.heard], reset);
      expect(await (way.victim === "client" ? other : vm).told()).toEqual({ lost: "ECONNRESET" });
      expect(await dropped(door)).toBe(refused + 2);
      expect(await session.say("still there")).toEqual({ heard: "still there" });
    });
  }
});
