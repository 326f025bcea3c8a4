import { TurntableError } from "../errors.ts";
import type { Host } from "../host/host.ts";
import type { GatewayRecord, StagedTurn, Tunnel, TunnelRecord } from "../tunnel/tunnel.ts";
import { tunnelRecord } from "../tunnel/tunnel.ts";
import type { Undo } from "./course.ts";
import type { End, Move } from "./move.ts";

/** What steering needs: tunnels by their kind, and gateways. */
export interface Steering {
  tunnel(kind: TunnelRecord["kind"]): Tunnel;
  gateway(record: GatewayRecord): Promise<Host>;
}

/** A tunnel whose gateway waits for the word of the destination. */
export interface ReadyTurn {
  readonly record: TunnelRecord;
  readonly staged: StagedTurn;
}

const folderOf = (end: End) => `${end.place.directory}/tunnels`;

/** The tunnels that end at the VM, as recorded beside it. */
export async function tunnelsAt(end: End): Promise<readonly TunnelRecord[]> {
  const names = (await end.host.list(folderOf(end))).filter((name) => name.endsWith(".json"));
  const texts = await Promise.all(names.map((name) => end.host.readFile(`${folderOf(end)}/${name}`)));
  return texts.flatMap((text) => (text === undefined ? [] : [tunnelRecord.parse(JSON.parse(text))]));
}

/** Before the move: the tunnels' ends at the destination, and a turn staged at each gateway. */
export async function stageTurns(move: Move, steering: Steering, undo: Undo): Promise<readonly ReadyTurn[]> {
  const { to, epoch } = move;
  const ready: ReadyTurn[] = [];
  for (const record of await tunnelsAt(move.from)) {
    const tunnel = steering.tunnel(record.kind);
    undo(`tunnel ${record.name} at ${to.location.name}`, () => tunnel.detach(to.host, record));
    await tunnel.attach(to.host, record, to.record.tunnel.address);
    await to.host.writeFile(`${folderOf(to)}/${record.name}.json`, `${JSON.stringify(record, null, 2)}\n`);
    const next = { address: to.record.tunnel.address, epoch };
    const staged = await tunnel.stage(await steering.gateway(record.gateway), record, next);
    undo(`the turn staged at ${record.gateway.name}`, () => staged.cancel());
    ready.push({ record, staged });
  }
  return ready;
}

/** After the switchover: sees that each gateway turned, and turns one that did not hear. The old site's ends go. */
export async function steer(move: Move, steering: Steering, turns: readonly ReadyTurn[]): Promise<void> {
  for (const { record, staged } of turns) {
    await staged.cancel();
    await confirm(move.to, move.epoch, steering, record);
    await steering.tunnel(record.kind).detach(move.from.host, record);
  }
}

/** Sees that a tunnel's gateway leads to this end, and turns it if it does not. */
export async function confirm(end: End, epoch: number, steering: Steering, record: TunnelRecord): Promise<void> {
  const tunnel = steering.tunnel(record.kind);
  const gateway = await steering.gateway(record.gateway);
  const endpoint = { address: end.record.tunnel.address, epoch };
  const now = await tunnel.observe(gateway, record).catch(unlessBroken);
  if (now?.address !== endpoint.address || now.epoch !== epoch) await tunnel.establish(gateway, record, endpoint);
}

/** A gateway that was left half-way is made anew. */
function unlessBroken(thrown: unknown): undefined {
  if (thrown instanceof TurntableError && thrown.code === "tunnel.failed") return undefined;
  throw thrown;
}
