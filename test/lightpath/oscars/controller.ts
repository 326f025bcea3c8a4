import type { IncomingMessage } from "node:http";
import { createServer, type Server } from "node:https";
import { z } from "zod";
import { OscarsLightpath, type OscarsTimes } from "../../../provider/lightpath/oscars/oscars.ts";
import { type OscarsRecord, oscarsRecord } from "../../../provider/lightpath/oscars/record.ts";
import * as wire from "../../../provider/lightpath/oscars/wire.ts";
import { AMS, SAN } from "../../domain/testbed.ts";
import { makeBadges } from "../nsi/far-side.ts";
import { infoOf, type Kept } from "./kept.ts";
import { recording } from "./recordings.ts";

export const TOKEN = "token-of-operations";
const CAPACITY_MBPS = 1_000;
const VLANS = [100, 101, 102, 103];

/** What may go wrong with the next request whose path ends so. */
type Mishap = { readonly status: number } | "silence" | "silence after doing it";

/**
 * An OSCARS of two devices and one link, over HTTPS: what it holds is in its memory alone, unlisted, and runs out; what it
 * refuses to hold it answers with 500 and no reason; commands go to its routers one at a time.
 */
export class Controller {
  readonly asked: string[] = [];
  readonly #kept = new Map<string, Kept>();
  readonly #mishaps = new Map<string, Mishap>();
  readonly #server: Server;
  readonly #badges: Awaited<ReturnType<typeof makeBadges<"oscars.example">>>;
  readonly #opened: OscarsLightpath[] = [];
  /** How far ahead a path begins at the earliest, and how long a hold lasts. */
  leadMs = 0;
  holdMs = 900_000;
  routers: "follow" | "fail" = "follow";
  /** What is taken away between a look at what is free and a hold. */
  takenMeanwhile: "nothing" | "before the hold" | "while it is held" = "nothing";
  #ids = 0;

  private constructor(server: Server, badges: Awaited<ReturnType<typeof makeBadges<"oscars.example">>>) {
    this.#server = server;
    this.#badges = badges;
    server.on("request", async (request, response) => {
      const path = new URL(request.url ?? "/", "https://oscars.example").pathname;
      const body = await textOf(request);
      this.asked.push(path);
      const mishap = [...this.#mishaps].find(([suffix]) => path.endsWith(suffix));
      if (mishap !== undefined) this.#mishaps.delete(mishap[0]);
      const what = mishap?.[1];
      if (what === "silence") return;
      if (typeof what === "object") return response.writeHead(what.status).end();
      const known = request.headers.authorization === `Bearer ${TOKEN}` && request.headers.authentication === TOKEN;
      const answer = path.startsWith("/protected/") && !known ? { status: 401 } : this.#answer(path, body);
      if (what === "silence after doing it") return;
      if ("status" in answer) return response.writeHead(answer.status).end();
      const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
      response.writeHead(200, { "content-type": "application/json" }).end(text);
    });
  }

  static async start(): Promise<Controller> {
    const badges = await makeBadges(["oscars.example"]);
    const { cert, key } = badges.of("oscars.example");
    const server = createServer({ cert, key });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Controller(server, badges);
  }

  record(changes: Partial<OscarsRecord> = {}): OscarsRecord {
    const address = this.#server.address();
    const port = typeof address === "object" ? address?.port : 0;
    return oscarsRecord.parse({
      ...{ kind: "oscars", url: `https://127.0.0.1:${port}`, rttMs: 198 },
      fingerprint: this.#badges.of("oscars.example").fingerprint,
      ports: { [AMS]: { device: "A", port: "A:1", vlans: VLANS }, [SAN]: { device: "B", port: "B:1", vlans: VLANS } },
      ...changes,
    });
  }

  lightpath(changes: Partial<OscarsRecord> = {}, token = TOKEN, times: Partial<OscarsTimes> = {}): OscarsLightpath {
    const quick = { answerMs: 2_000, buildMs: 2_000, lookMs: 20, ...times };
    const lightpath = new OscarsLightpath(this.record(changes), () => token, quick);
    this.#opened.push(lightpath);
    return lightpath;
  }

  /** The next request whose path ends so goes wrong. */
  next(suffix: string, mishap: Mishap): void {
    this.#mishaps.set(suffix, mishap);
  }

  /** What is neither over nor run out, by its phase and state. */
  live(): readonly string[] {
    return [...this.#standing()].map(({ phase, state }) => `${phase} ${state}`);
  }

  /** What was only held is forgotten. */
  restart(): void {
    for (const [id, { phase }] of this.#kept) if (phase === "HELD") this.#kept.delete(id);
  }

  async end(): Promise<void> {
    await Promise.all(this.#opened.map((one) => one.close()));
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#badges.remove();
  }

  *#standing(): Generator<Kept> {
    for (const [id, one] of this.#kept) {
      if (one.phase === "HELD" && one.heldUntilMs < Date.now()) this.#kept.delete(id);
      else if (one.phase !== "ARCHIVED") yield one;
    }
  }

  #freeMbps(but?: string): number {
    const others = [...this.#standing()].filter(({ hold }) => hold.connectionId !== but);
    return CAPACITY_MBPS - others.reduce((sum, { hold }) => sum + (hold.fixtures[0]?.inMbps ?? 0), 0);
  }

  #freeVlans(port: string): readonly number[] {
    const taken = [...this.#standing()].flatMap(({ hold }) => hold.fixtures.filter((one) => one.port === port));
    return VLANS.filter((vlan) => !taken.some((one) => one.vlan === vlan));
  }

  #answer(path: string, body: string): { readonly status: number } | { readonly body: object | string } {
    const [, area, ...rest] = path.split("/");
    const verb = `${area} ${rest.slice(0, 2).join(" ")}`;
    const one = this.#of(rest[2] ?? body);
    switch (verb) {
      case "protected conn generateId":
        return { body: `N7Y${++this.#ids}` };
      case "api topo available":
        wire.json(wire.interval).parse(body);
        return { body: Object.fromEntries(["A:1", "B:1"].map((port) => [port, this.#available(port)])) };
      case "api pce paths":
        return { body: this.#paths(wire.json(wire.pathsRequest).parse(body)) };
      case "protected hold":
        return this.#hold(wire.json(wire.holdRequest).parse(body));
      case "protected held current":
        return { body: [] };
      case "api conn list":
        return { body: { connections: [...this.#standing()].filter(({ phase }) => phase === "RESERVED").map(infoOf) } };
      case "api conn info":
        return one === undefined ? { status: 404 } : { body: infoOf(one) };
      case "protected conn commit":
        return this.#commit(one);
      case "protected conn release":
        return this.#release(one);
      case "protected pss build":
        return this.#command(one, this.routers === "follow" ? "ACTIVE" : "FAILED");
      case "protected pss dismantle":
        return this.#command(one, "WAITING");
      case "protected pss work_status":
        return one === undefined ? { status: 404 } : { body: { work: null, explanation: "PSS is idle" } };
      case "protected modify bandwidth":
      case "protected modify schedule":
        return { body: this.#modified(body) };
      default:
        return { status: 404 };
    }
  }

  #of(id: string): Kept | undefined {
    return [...this.#standing(), ...this.#kept.values()].find(({ hold }) => hold.connectionId === id);
  }

  #available(port: string) {
    const vlanRanges = this.#freeVlans(port).map((vlan) => ({ floor: vlan, ceiling: vlan }));
    return { vlanRanges, ingressBandwidth: this.#freeMbps(), egressBandwidth: this.#freeMbps(), vlanExpression: "" };
  }

  /** As it was recorded, or nothing that fits. */
  #paths({ azBw }: z.output<typeof wire.pathsRequest>): object {
    const recorded = z.looseObject({ fits: z.looseObject({}) }).parse(JSON.parse(recording("07").answered));
    const free = this.#freeMbps();
    return { ...recorded, fits: azBw > free ? null : { ...recorded.fits, azAvailable: free, zaAvailable: free } };
  }

  #hold(hold: wire.HoldRequest): { readonly status: number } | { readonly body: object } {
    const free = this.takenMeanwhile !== "before the hold" && (hold.fixtures[0]?.inMbps ?? 0) <= this.#freeMbps();
    if (!free || hold.fixtures.some(({ port, vlan }) => !this.#freeVlans(port).includes(vlan))) return { status: 500 };
    const begin = Math.max(hold.begin, Math.ceil((Date.now() + this.leadMs) / 1_000));
    const heldUntilMs = Date.now() + this.holdMs;
    this.#kept.set(hold.connectionId, { hold: { ...hold, begin }, phase: "HELD", state: "WAITING", heldUntilMs });
    const valid = this.takenMeanwhile === "nothing";
    const validity = { valid, message: valid ? "" : "A:1 : vlan not available" };
    return { body: { ...hold, begin, validity, heldUntil: Math.floor(heldUntilMs / 1_000) } };
  }

  #commit(one: Kept | undefined) {
    if (one === undefined) return { status: 404 };
    if (one.phase !== "HELD") return { status: 400 };
    one.phase = "RESERVED";
    return { body: { what: "COMMITTED", phase: "RESERVED", when: Date.now() / 1_000 } };
  }

  #release(one: Kept | undefined) {
    if (one === undefined) return { status: 404 };
    if (one.phase === "ARCHIVED") return { status: 400 };
    if (one.phase === "HELD") this.#kept.delete(one.hold.connectionId);
    one.phase = "ARCHIVED";
    return { body: { what: "ARCHIVED", phase: null, when: Date.now() / 1_000 } };
  }

  #command(one: Kept | undefined, state: Kept["state"]) {
    if (one === undefined) return { status: 404 };
    if (one.phase !== "RESERVED" || one.hold.begin * 1_000 > Date.now()) return { status: 500 };
    setTimeout(() => {
      one.state = state;
    }, 50);
    return { body: "" };
  }

  #modified(body: string): object {
    const asked = z.object({ connectionId: z.string(), bandwidth: z.int().optional(), timestamp: z.int().optional() });
    const { connectionId, bandwidth, timestamp } = wire.json(asked).parse(body);
    const one = this.#of(connectionId);
    if (one === undefined) return { success: false, explanation: `connection ${connectionId} not found` };
    if ((bandwidth ?? 0) > this.#freeMbps(connectionId))
      return { success: false, explanation: "Modification failed: no room" };
    const wide = bandwidth === undefined ? {} : { inMbps: bandwidth, outMbps: bandwidth };
    one.hold = {
      ...one.hold,
      end: timestamp ?? one.hold.end,
      fixtures: one.hold.fixtures.map((end) => ({ ...end, ...wide })),
    };
    return { success: true, explanation: "Modification successful" };
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
