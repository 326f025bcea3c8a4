import { z } from "zod";
import type { Context } from "../context.ts";
import { reasonOf, TurntableError } from "../errors.ts";
import { PartialFailure, type Properties, type Resource } from "../resource.ts";
import { type Endpoint, type TunnelRecord, tunnelEnd, tunnelRecord } from "../tunnel/tunnel.ts";
import { changedInputs, checkInputs, inputsOf, parseKnown, parseRecorded } from "./inputs.ts";
import { giveBackAll } from "./removal.ts";
import { refuseSecond, tunnelRecordPath } from "./tunnel-folder.ts";

/** Inputs of a Tunnel: its own, and where its VM is as the VmPlacement says. */
export const tunnelInputs = tunnelRecord.omit({ schema: true, gatewayAddress: true }).extend({
  /** Address and prefix under which the gateway serves the VM's subnet: "10.1.1.1/24". */
  address: tunnelRecord.shape.gatewayAddress,
  /** Id of the placement: another VM, another tunnel. */
  vmId: z.string().min(1),
  /** Name of the site that has the VM, for messages. */
  site: z.string().min(1),
  /** The host that runs the VM, as far as a tunnel has to do with it. */
  host: tunnelEnd,
  epoch: z.int(),
});

/** `endpoint` is empty where a refresh found the tunnel broken. */
const tunnelState = z.object({ ...tunnelInputs.shape, endpoint: z.string() });

type TunnelInputs = z.output<typeof tunnelInputs>;

/** What is found of a tunnel. A gateway that does not answer is none of these: looking rejects. */
type Sight =
  | { readonly kind: "absent" }
  | { readonly kind: "broken"; readonly reason: string }
  | { readonly kind: "leads"; readonly to: Endpoint };

/** Where the VM is may change under a tunnel; all else makes another one. */
const FOLLOWS_VM = new Set(["site", "host", "epoch"]);

function recordOf({ name, kind, vm, mac, vni, mtu, address, gateway }: TunnelInputs): TunnelRecord {
  return { schema: 1, name, kind, vm, mac, vni, mtu, gatewayAddress: address, gateway };
}

const endpointOf = ({ host, epoch }: TunnelInputs): Endpoint => ({ address: host.tunnel.address, epoch });
const outputs = (inputs: TunnelInputs): Properties => ({ ...inputs, endpoint: endpointOf(inputs).address });
const idOf = ({ vm, name }: TunnelInputs): string => `${vm}/${name}`;
const same = (one: Endpoint, other: Endpoint): boolean => one.address === other.address && one.epoch === other.epoch;
const written = ({ address, epoch }: Endpoint): string => `${address} (epoch ${epoch})`;

async function look(context: Context, inputs: TunnelInputs): Promise<Sight> {
  const gateway = await context.hosts.open(inputs.gateway);
  try {
    const to = await context.tunnel(inputs.kind).observe(gateway, recordOf(inputs));
    return to === undefined ? { kind: "absent" } : { kind: "leads", to };
  } catch (thrown) {
    if (!(thrown instanceof TurntableError && thrown.code === "tunnel.failed")) throw thrown;
    return { kind: "broken", reason: thrown.message };
  }
}

/** The end at the VM's host: where it stands as it should, nothing happens. */
async function attach(context: Context, inputs: TunnelInputs): Promise<void> {
  const host = await context.hosts.open(inputs.host);
  await context.tunnel(inputs.kind).attach(host, recordOf(inputs), inputs.host.tunnel.address);
}

/** Last, so that a move finds no tunnel that is only half there. */
async function note(context: Context, inputs: TunnelInputs): Promise<void> {
  const host = await context.hosts.open(inputs.host);
  const path = tunnelRecordPath(inputs.host, inputs.vm, inputs.name);
  if ((await host.readFile(path)) === undefined) await host.writeFile(path, `${JSON.stringify(recordOf(inputs))}\n`);
}

async function build(context: Context, inputs: TunnelInputs): Promise<void> {
  const gateway = await context.hosts.open(inputs.gateway);
  await attach(context, inputs);
  await context.tunnel(inputs.kind).establish(gateway, recordOf(inputs), endpointOf(inputs));
  await note(context, inputs);
}

/** Nothing is touched that may be another's. What breaks off later is kept in the state, to be mended or removed. */
async function create(context: Context, inputs: TunnelInputs): Promise<void> {
  const host = await context.hosts.open(inputs.host);
  await refuseSecond(host, inputs.host, inputs.vm, inputs.name);
  const seen = await look(context, inputs);
  if (seen.kind === "leads" && !same(seen.to, endpointOf(inputs))) {
    const there = `${inputs.gateway.name} has a tunnel for a VM named ${inputs.vm} already, to ${written(seen.to)}`;
    throw new TurntableError("tunnel.failed", there, {
      retry: "never",
      next: "Give one of the two VMs another name, or remove the other tunnel first.",
    });
  }
  try {
    await build(context, inputs);
  } catch (thrown) {
    throw new PartialFailure(idOf(inputs), outputs(inputs), [reasonOf(thrown)], thrown);
  }
}

/** The move itself has re-pointed the tunnel: here it is only looked at, and mended if it was left behind. */
async function follow(context: Context, inputs: TunnelInputs): Promise<void> {
  const wanted = endpointOf(inputs);
  const seen = await look(context, inputs);
  if (seen.kind === "leads" && same(seen.to, wanted)) {
    await attach(context, inputs);
    return note(context, inputs);
  }
  if (seen.kind === "leads" && seen.to.epoch >= wanted.epoch) {
    const where = `leads to ${written(seen.to)}, not to ${written(wanted)}`;
    throw new TurntableError("tunnel.failed", `Tunnel ${inputs.name} ${where}`, {
      retry: "safe",
      next: "Run `pulumi refresh`: the VM has moved since its placement was last looked at.",
    });
  }
  const was = { absent: "was missing", broken: "was broken", leads: "was left behind" }[seen.kind];
  context.narrator.warn(`Tunnel ${inputs.name} ${was} and is led to ${inputs.site} again.`);
  await build(context, inputs);
}

/** What a refresh finds wrong with a tunnel that leads where it should: no move would take it along. */
async function missingRecord(context: Context, inputs: TunnelInputs): Promise<string | undefined> {
  const host = await context.hosts.open(inputs.host);
  const path = tunnelRecordPath(inputs.host, inputs.vm, inputs.name);
  return (await host.readFile(path)) === undefined ? `its record ${path} at ${host.name} is missing` : undefined;
}

async function endpointFound(context: Context, inputs: TunnelInputs, seen: Exclude<Sight, { kind: "absent" }>) {
  const settled = seen.kind === "leads" && same(seen.to, endpointOf(inputs));
  const fault = seen.kind === "broken" ? seen.reason : settled ? await missingRecord(context, inputs) : undefined;
  if (seen.kind === "leads" && fault === undefined) return { endpoint: seen.to.address, epoch: seen.to.epoch };
  context.narrator.warn(`Tunnel ${idOf(inputs)} is broken, which the next \`pulumi up\` mends: ${fault}`);
  return { endpoint: "" };
}

async function removeAtHost(context: Context, inputs: TunnelInputs): Promise<void> {
  const host = await context.hosts.open(inputs.host);
  await context.tunnel(inputs.kind).detach(host, recordOf(inputs));
  await host.remove(tunnelRecordPath(inputs.host, inputs.vm, inputs.name));
}

function leadsElsewhere(olds: Properties, news: Properties): boolean {
  const wanted = tunnelInputs.safeParse(news);
  return wanted.success && olds.endpoint !== wanted.data.host.tunnel.address;
}

/** A layer-2 tunnel from a client gateway to wherever the VM runs. */
export function tunnelResource(context: Context): Resource {
  const recorded = (props: unknown) => parseRecorded(tunnelState, "The recorded tunnel", props);
  const declared = (inputs: Properties) => parseKnown(tunnelInputs, "The tunnel", inputs);
  return {
    check: async ({ news }) => checkInputs(tunnelInputs, news),
    diff: async ({ olds, news }) => {
      const changed = changedInputs(tunnelInputs, olds, news);
      const replaces = changed.filter((key) => !FOLLOWS_VM.has(key));
      return { changes: changed.length > 0 || leadsElsewhere(olds, news), replaces, deleteBeforeReplace: true };
    },
    create: async ({ inputs }) => {
      const wanted = declared(inputs);
      await create(context, wanted);
      context.narrator.info(`${wanted.vm}: clients reach it through ${wanted.gateway.name} at ${wanted.site}`);
      return { id: idOf(wanted), outs: outputs(wanted) };
    },
    read: async ({ id, props }) => {
      const state = recorded(props);
      const inputs = inputsOf(tunnelInputs, state);
      try {
        const seen = await look(context, state);
        if (seen.kind === "absent") return { id: undefined, props: {}, inputs: {} };
        return { id, props: { ...state, ...(await endpointFound(context, state, seen)) }, inputs };
      } catch (thrown) {
        context.narrator.warn(`Tunnel ${id} was not checked and is kept as recorded: ${reasonOf(thrown)}`);
        return { id, props: state, inputs };
      }
    },
    update: async ({ news }) => {
      const wanted = declared(news);
      await follow(context, wanted);
      return { outs: outputs(wanted) };
    },
    delete: async ({ props }) => {
      const state = recorded(props);
      const dismantle = async () =>
        context.tunnel(state.kind).dismantle(await context.hosts.open(state.gateway), recordOf(state));
      await giveBackAll(`Tunnel ${idOf(state)}`, [dismantle, () => removeAtHost(context, state)]);
    },
  };
}
