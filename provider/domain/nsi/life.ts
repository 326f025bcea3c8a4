import type { Logger } from "pino";
import { reasonOf } from "../../errors.ts";
import type { ConnectionState } from "../../lightpath/drac/wire.ts";
import type { Coordinator } from "../drac/coordinator.ts";
import type { Known } from "../load.ts";
import type { Rights, Wanted } from "./rights.ts";
import type { Asked, NsiConnection, NsiStore } from "./store.ts";
import { criteriaOf } from "./telling.ts";
import type { Voice } from "./voice.ts";
import { endsOf, settled } from "./wish.ts";

const MTU_BYTES = 9_000;
/** Between one try to light a path whose time has come and the next. */
const AGAIN_MS = 5_000;

export interface LifeParts {
  readonly labels: Readonly<Record<string, number>>;
  readonly store: NsiStore;
  readonly rights: Rights;
  readonly coordinator: Coordinator;
  readonly voice: Voice;
  /** How long a domain holds what is not committed. */
  readonly holdSeconds: number;
  readonly log: Logger;
}

/**
 * What becomes of a connection after its requester was told that it was heard: at all domains on the way, then told by
 * callback. Meanwhile its requester may ask for more; that waits for its turn, but is on record already.
 */
export class Life {
  readonly #parts: LifeParts;
  /** Until when a path that could not be lit is left alone. */
  readonly #troubled = new Map<string, number>();

  constructor(parts: LifeParts) {
    this.#parts = parts;
  }

  async reserve(found: NsiConnection, client: Known, asked: Asked): Promise<void> {
    const { rights, coordinator, labels, store, voice } = this.#parts;
    let one = found;
    try {
      const wanted = this.#wanted(one);
      const grant = await rights.ask(client, wanted);
      one = store.change(one, { grant });
      const right = await rights.right(client, grant.jwt, wanted);
      const held = await coordinator.reserve(
        client,
        { ...wanted, window: { ...wanted.window }, mtu: MTU_BYTES },
        right,
      );
      one = store.change(one, { connection: held.connectionId });
      one = store.change(one, { agreement: settled(one.agreement, labels, held), reservation: "ReserveHeld" });
      const { globalReservationId, description } = one.agreement;
      const content = { connectionId: one.id, globalReservationId, description, criteria: criteriaOf(one) };
      voice.answer(one, { operation: "types:reserveConfirmed", content }, asked);
    } catch (thrown) {
      this.#log(one, thrown, "a reservation was not held");
      await this.#giveBack(one, client);
      voice.failed("types:reserveFailed", one, { reservation: "ReserveFailed" }, thrown, asked);
    }
  }

  async commit(found: NsiConnection, client: Known, asked: Asked): Promise<void> {
    const { rights, coordinator, voice } = this.#parts;
    const { connection = "", grant } = found;
    try {
      const right = await rights.right(client, grant?.jwt ?? "", this.#wanted(found));
      await coordinator.commit(client, connection, right);
    } catch (thrown) {
      this.#log(found, thrown, "a reservation was not committed");
      await this.#uncommitted(found, client, thrown, asked);
      return;
    }
    voice.confirm("types:reserveCommitConfirmed", found, { reservation: "ReserveStart", committed: true }, asked);
  }

  async abort(found: NsiConnection, client: Known, asked: Asked): Promise<void> {
    await this.#giveBack(found, client);
    this.#parts.voice.confirm("types:reserveAbortConfirmed", found, { reservation: "ReserveStart" }, asked);
  }

  /** It is provisioned at once; frames pass from the beginning of its window on. */
  async provision(found: NsiConnection, client: Known, asked: Asked): Promise<void> {
    const one = this.#parts.voice.confirm("types:provisionConfirmed", found, { provision: "Provisioned" }, asked);
    this.#troubled.delete(one.id);
    await this.tend(one, client);
  }

  /** Confirmed once the data plane is down; where it is not, that is told, and it is tried again. */
  async release(found: NsiConnection, client: Known, asked: Asked): Promise<void> {
    const { coordinator, voice } = this.#parts;
    try {
      await coordinator.release(client, found.connection ?? "");
    } catch (thrown) {
      if (this.#leave(found, thrown, "a path was not put out")) voice.mishap("deactivateFailed", found, {}, thrown);
      return;
    }
    this.#troubled.delete(found.id);
    voice.confirm("types:releaseConfirmed", this.#dark(found, { provision: "Released" }), {}, asked);
  }

  async terminate(found: NsiConnection, client: Known, asked: Asked): Promise<void> {
    await this.#giveBack(found, client);
    const one = this.#dark(found, { provision: "Released", lifecycle: "Terminated" });
    this.#parts.voice.confirm("types:terminateConfirmed", one, {}, asked);
  }

  /** Does what the clock says: holds that ran out, windows that begin and end, and what could not be done before. */
  async tend(found: NsiConnection, client: Known): Promise<void> {
    const { coordinator, store } = this.#parts;
    const { asked, connection, lifecycle } = found;
    if (lifecycle === "Terminating") return await this.terminate(found, client, asked);
    if (this.#isLeft(found)) return;
    const now = connection === undefined ? undefined : await coordinator.get(client, connection);
    const fresh = store.find(found.id, found.requester);
    // What its requester has asked for since it was found is seen to in its own turn.
    if (fresh?.asked.correlationId !== asked.correlationId) return;
    await this.#follow(fresh, client, now?.state);
  }

  /** What the coordinator's connection, and the clock, make of it. */
  async #follow(found: NsiConnection, client: Known, now: ConnectionState | undefined): Promise<void> {
    const { holdSeconds, voice } = this.#parts;
    const { asked, agreement, committed, lifecycle } = found;
    if (found.reservation === "ReserveHeld" && now !== "held") {
      await this.#giveBack(found, client);
      return voice.timedOut(found, holdSeconds);
    }
    if (!committed || lifecycle !== "Created") return;
    const [startMs, endMs] = [Date.parse(agreement.window.start), Date.parse(agreement.window.end)];
    if (endMs <= Date.now()) {
      this.#dark(found, { provision: "Released", lifecycle: "PassedEndTime" });
    } else if (now === "terminated") {
      const reason = new Error("it was ended elsewhere");
      voice.mishap("forcedEnd", this.#dark(found, { lifecycle: "Failed" }), {}, reason);
    } else if (found.provision === "Releasing") {
      await this.release(found, client, asked);
    } else if (found.provision === "Provisioned" && !found.active && startMs <= Date.now()) {
      await this.#light(found, client);
    }
  }

  /** After a restart: what was under way is undone, or told if it was done. */
  async recover(found: NsiConnection, client: Known): Promise<void> {
    const { coordinator, voice } = this.#parts;
    const { asked, connection, reservation } = found;
    const anew = new Error("the agent was started anew");
    switch (reservation) {
      case "ReserveChecking":
        await this.#giveBack(found, client);
        return voice.failed("types:reserveFailed", found, { reservation: "ReserveFailed" }, anew, asked);
      case "ReserveCommitting": {
        const state = connection === undefined ? "terminated" : (await coordinator.get(client, connection)).state;
        // What is committed already is found so.
        if (state === "held" || state === "reserved") return await this.commit(found, client, asked);
        return await this.#uncommitted(found, client, anew, asked);
      }
      case "ReserveAborting":
        return await this.abort(found, client, asked);
      case "ReserveStart":
      case "ReserveHeld":
      case "ReserveFailed":
      case "ReserveTimeout":
        return;
      default:
        return reservation satisfies never;
    }
  }

  async #light(found: NsiConnection, client: Known): Promise<void> {
    const { rights, coordinator, voice } = this.#parts;
    const { connection = "", grant } = found;
    try {
      const right = await rights.right(client, grant?.jwt ?? "", this.#wanted(found));
      await coordinator.provision(client, connection, right);
    } catch (thrown) {
      if (this.#leave(found, thrown, "a path was not lit")) voice.mishap("activateFailed", found, {}, thrown);
      return;
    }
    this.#troubled.delete(found.id);
    voice.dataPlane(found, { active: true });
  }

  /** No frames pass any more; its requester is told if any did. */
  #dark(one: NsiConnection, change: Partial<NsiConnection>): NsiConnection {
    const { voice, store } = this.#parts;
    return one.active ? voice.dataPlane(one, { ...change, active: false }) : store.change(one, change);
  }

  async #uncommitted(found: NsiConnection, client: Known, thrown: unknown, asked: Asked): Promise<void> {
    await this.#giveBack(found, client);
    const over = { reservation: "ReserveStart", lifecycle: "Failed" } as const;
    this.#parts.voice.failed("types:reserveCommitFailed", found, over, thrown, asked);
  }

  async #giveBack(one: NsiConnection, client: Known): Promise<void> {
    const { coordinator, rights } = this.#parts;
    // What a silent domain still owes is the coordinator's to see to.
    if (one.connection !== undefined)
      await coordinator.terminate(client, one.connection).catch((thrown) => this.#log(one, thrown, "a path stays"));
    await rights.giveBack(client, one).catch((thrown) => this.#log(one, thrown, "a grant stays"));
  }

  /** For a while. Whether this is the first time. */
  #leave(one: NsiConnection, thrown: unknown, what: string): boolean {
    this.#log(one, thrown, what);
    const first = !this.#troubled.has(one.id);
    this.#troubled.set(one.id, Date.now() + AGAIN_MS);
    return first;
  }

  #isLeft({ id }: NsiConnection): boolean {
    return Date.now() < (this.#troubled.get(id) ?? 0);
  }

  #wanted({ id, agreement }: NsiConnection): Wanted {
    const [from, to] = endsOf(agreement, this.#parts.labels);
    return { from, to, bandwidthMbps: agreement.service.capacity, window: agreement.window, vm: id };
  }

  #log({ id }: NsiConnection, thrown: unknown, what: string): void {
    this.#parts.log.warn({ nsi: id, reason: reasonOf(thrown) }, what);
  }
}
