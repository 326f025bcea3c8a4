import { z } from "zod";
import { attempt, ipBatch, run } from "./command.ts";
import { ATTACHMENTS, CLIENT_LAN, type Lab, ROUTED_PREFIXES, VM_SUBNET } from "./layout.ts";
import { brokenCables, type Cable, describeEnd, type End, layCable, survey } from "./network.ts";
import type { Piece } from "./piece.ts";

const ROUTED_MTU = 1500;

interface AddressedEnd extends End {
  /** "192.0.2.10/25". */
  readonly address: string;
  readonly routes: readonly { readonly prefix: string; readonly via: string }[];
}

/** The routed network: every namespace on the router in `core`, at a modest rate, and the client's network behind the gateway. */
export function routedPiece(lab: Lab): Piece {
  const { rateMbps } = lab.description.routed;
  const pairs = addressedPairs(lab);
  const cables = pairs.map((ends): Cable => ({ ends, mtu: ROUTED_MTU }));
  const ends = pairs.flat();
  return {
    name: "routed network",
    purpose: `veth pairs to ${lab.namespaces.core} at ${rateMbps} Mbit/s each carry control and client traffic`,
    async inspect() {
      const broken = await brokenCables(cables);
      if (broken.length > 0) return `missing: ${broken.map((cable) => describeEnd(cable.ends[0])).join(", ")}`;
      const faults = await findFaults(ends, rateMbps);
      return faults.length === 0 ? undefined : `not set up: ${faults.map(describeEnd).join(", ")}`;
    },
    async make() {
      await ipBatch(await Promise.all((await brokenCables(cables)).map(layCable)));
      await Promise.all((await findFaults(ends, rateMbps)).map((end) => configure(end, rateMbps)));
    },
  };
}

function addressedPairs(lab: Lab): readonly (readonly [AddressedEnd, AddressedEnd])[] {
  const { core, gateway, client } = lab.namespaces;
  const attached = ATTACHMENTS.map(({ role, address, router, prefixLength }): readonly [AddressedEnd, AddressedEnd] => {
    const own = `${router.replace(/\d+$/, "0")}/${prefixLength}`;
    const routes = ROUTED_PREFIXES.filter((prefix) => prefix !== own).map((prefix) => ({ prefix, via: router }));
    return [
      { namespace: lab.namespaces[role], device: "net0", address: `${address}/${prefixLength}`, routes },
      { namespace: core, device: role, address: `${router}/${prefixLength}`, routes: [] },
    ];
  });
  const { prefixLength } = CLIENT_LAN;
  const toVms = [{ prefix: VM_SUBNET, via: CLIENT_LAN.gateway }];
  const lan: readonly [AddressedEnd, AddressedEnd] = [
    { namespace: client, device: "net0", address: `${CLIENT_LAN.client}/${prefixLength}`, routes: toVms },
    { namespace: gateway, device: "lan0", address: `${CLIENT_LAN.gateway}/${prefixLength}`, routes: [] },
  ];
  return [...attached, lan];
}

async function findFaults(ends: readonly AddressedEnd[], rateMbps: number): Promise<readonly AddressedEnd[]> {
  const look = await survey(ends.map((end) => end.namespace));
  const checks = await Promise.all(
    ends.map(async (end) => {
      const device = look(end);
      const ok =
        device?.isUp === true &&
        device.addresses.includes(end.address) &&
        (await isShaped(end, rateMbps)) &&
        (await hasRoutes(end));
      return { end, ok };
    }),
  );
  return checks.filter(({ ok }) => !ok).map(({ end }) => end);
}

async function configure(end: AddressedEnd, rateMbps: number): Promise<void> {
  const on = ["-n", end.namespace] as const;
  await run(["ip", ...on, "addr", "replace", end.address, "dev", end.device]);
  await run(["ip", ...on, "link", "set", end.device, "up"]);
  await run([
    ...["tc", ...on, "qdisc", "replace", "dev", end.device, "root", "tbf"],
    ...["rate", `${rateMbps}mbit`, "burst", "32kb", "latency", "100ms"],
  ]);
  for (const { prefix, via } of end.routes) await run(["ip", ...on, "route", "replace", prefix, "via", via]);
}

const qdiscs = z.array(
  z.looseObject({ kind: z.string(), options: z.looseObject({ rate: z.number().optional() }).optional() }),
);

async function isShaped(end: End, rateMbps: number): Promise<boolean> {
  const { code, stdout } = await attempt(["tc", "-n", end.namespace, "-j", "qdisc", "show", "dev", end.device, "root"]);
  if (code !== 0 || stdout.trim() === "") return false;
  const bytesPerSecond = (rateMbps * 1e6) / 8;
  return qdiscs.parse(JSON.parse(stdout)).some((one) => one.kind === "tbf" && one.options?.rate === bytesPerSecond);
}

const routes = z.array(z.looseObject({ dst: z.string().optional(), gateway: z.string().optional() }));

async function hasRoutes(end: AddressedEnd): Promise<boolean> {
  if (end.routes.length === 0) return true;
  const { code, stdout } = await attempt(["ip", "-n", end.namespace, "-j", "route", "show"]);
  if (code !== 0) return false;
  const found = routes.parse(JSON.parse(stdout));
  return end.routes.every(({ prefix, via }) => found.some((one) => one.dst === prefix && one.gateway === via));
}
