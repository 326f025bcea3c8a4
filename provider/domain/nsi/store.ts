import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { z } from "zod";
import { timeWindow } from "../../aaa/wire.ts";
import { connectionStates } from "../../lightpath/nsi/wire/reservation.ts";

type States = z.output<typeof connectionStates>;

/** Who asked last, to whom the answer goes. */
const asked = z.object({ correlationId: z.string(), requesterNSA: z.string(), replyTo: z.string().optional() });

/** What was asked for, and later what was agreed. */
const body = z.object({
  globalReservationId: z.string().optional(),
  description: z.string().optional(),
  serviceType: z.string(),
  version: z.int(),
  window: timeWindow,
  service: z.strictObject({
    ...{ capacity: z.int(), symmetricPath: z.boolean(), sourceSTP: z.string(), destSTP: z.string() },
  }),
});

const row = z.object({
  ...{ id: z.string(), requester: z.string(), connection: z.string().nullable() },
  ...{ grant_id: z.string().nullable(), grant_jwt: z.string().nullable(), committed: z.number() },
  reservation: connectionStates.shape.reservationState.unwrap(),
  provision: connectionStates.shape.provisionState.unwrap(),
  lifecycle: connectionStates.shape.lifecycleState,
  ...{ active: z.number(), notifications: z.number(), results: z.number(), asked: z.string(), body: z.string() },
});

export type Asked = z.output<typeof asked>;
export type Agreement = z.output<typeof body>;

/** A connection as its requester knows it, beside the one that this domain coordinates for it. */
export interface NsiConnection {
  readonly id: string;
  /** Its NSA. */
  readonly requester: string;
  /** The coordinator's name for it, once it is held. */
  readonly connection: string | undefined;
  /** The right to it, of the client that the requester counts as. */
  readonly grant: { readonly id: string; readonly jwt: string } | undefined;
  readonly committed: boolean;
  readonly reservation: NonNullable<States["reservationState"]>;
  readonly provision: NonNullable<States["provisionState"]>;
  readonly lifecycle: States["lifecycleState"];
  /** Whether frames pass. */
  readonly active: boolean;
  readonly notifications: number;
  readonly results: number;
  readonly asked: Asked;
  readonly agreement: Agreement;
}

/** What came to nothing stays `Created` until its requester terminates it, though nothing can happen to it. */
const NOTHING = "committed = 0 AND reservation IN ('ReserveStart', 'ReserveFailed', 'ReserveTimeout')";
const OPEN = `SELECT * FROM nsi_connections WHERE
  lifecycle = 'Terminating' OR active = 1 OR (lifecycle = 'Created' AND NOT (${NOTHING}))`;

/** What is known of connections that others asked for by NSI. Every change is on disk before it is told. */
export class NsiStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** New, or in place of what was known of it. */
  put(one: NsiConnection): NsiConnection {
    const { id, requester, connection, grant, committed, reservation, provision, lifecycle, active } = one;
    const values = [id, requester, connection ?? null, grant?.id ?? null, grant?.jwt ?? null, Number(committed)];
    const states = [reservation, provision, lifecycle, Number(active), one.notifications, one.results];
    const texts = [JSON.stringify(asked.parse(one.asked)), JSON.stringify(body.parse(one.agreement))];
    const insert = "INSERT OR REPLACE INTO nsi_connections VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    this.#database.prepare(insert).run(...values, ...states, ...texts);
    return one;
  }

  /** What is different from what is known of it by now, which may be more than `one` says. */
  change({ id, requester }: NsiConnection, change: Partial<NsiConnection>): NsiConnection {
    const known = this.find(id, requester);
    if (known === undefined) throw new TypeError(`${id} was never noted`);
    return this.put({ ...known, ...change });
  }

  /** Undefined if this requester has none of that name. */
  find(id: string, requester: string): NsiConnection | undefined {
    const select = "SELECT * FROM nsi_connections WHERE id = ? AND requester = ?";
    const found = this.#database.prepare(select).get(id, requester);
    return found === undefined ? undefined : stored(found);
  }

  /** All of a requester's. */
  of(requester: string): readonly NsiConnection[] {
    return this.#database.prepare("SELECT * FROM nsi_connections WHERE requester = ?").all(requester).map(stored);
  }

  /** Whatever something may still happen to. */
  open(): readonly NsiConnection[] {
    return this.#database.prepare(OPEN).all().map(stored);
  }
}

function stored(found: Record<string, SQLOutputValue>): NsiConnection {
  const { id, requester, connection, grant_id, grant_jwt, committed, active, ...rest } = row.parse(found);
  const { reservation, provision, lifecycle, notifications, results } = rest;
  return {
    ...{ id, requester, connection: connection ?? undefined, committed: committed === 1, active: active === 1 },
    grant: grant_id === null || grant_jwt === null ? undefined : { id: grant_id, jwt: grant_jwt },
    ...{ reservation, provision, lifecycle, notifications, results },
    ...{ asked: asked.parse(JSON.parse(rest.asked)), agreement: body.parse(JSON.parse(rest.body)) },
  };
}
