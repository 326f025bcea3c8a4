import { randomUUID } from "node:crypto";
import { request as httpsRequest } from "node:https";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Envelope, NsiHeader } from "../../provider/lightpath/nsi/wire/envelope.ts";
import { writeEnvelope } from "../../provider/lightpath/nsi/wire/envelope.ts";
import { exceptionIn } from "../../provider/lightpath/nsi/wire/exception.ts";
import { Line } from "../../provider/lightpath/nsi/wire/line.ts";
import { type Listener, listen } from "../../provider/lightpath/nsi/wire/listener.ts";
import type { Content, Message } from "../../provider/lightpath/nsi/wire/messages.ts";
import { PROVIDER_PROTOCOL } from "../../provider/lightpath/nsi/wire/namespaces.ts";
import {
  type Badge,
  type FarSide,
  freePort,
  makeBadges,
  PROVIDER,
  REQUESTER,
  startFarSide,
} from "../lightpath/nsi/far-side.ts";
import { windowIn } from "./agents.ts";
import { AMS, SAN } from "./testbed.ts";

const HOLD_SECONDS = 2;
const OTHER = "urn:ogf:network:other.example:2026:nsa";

describe("a domain that others drive by NSI", () => {
  let far: FarSide;
  let rival: Badge;
  let rivals: Awaited<ReturnType<typeof makeBadges<"other.example">>>;
  let listener: Listener;
  let heard: Envelope[] = [];
  const lines: Line[] = [];
  beforeAll(async () => {
    rivals = await makeBadges(["other.example"]);
    rival = rivals.of("other.example");
    const url = `https://127.0.0.1:${await freePort()}/cb`;
    far = await startFarSide((config) => {
      if (config.nsi === undefined) return { ...config, holdSeconds: HOLD_SECONDS };
      const other = { nsa: OTHER, certificateFile: rival.file, client: "bob", callbacks: [url] };
      const nsi = { ...config.nsi, requesters: [...config.nsi.requesters, other] };
      return { ...config, nsi, holdSeconds: HOLD_SECONDS };
    });
    listener = await listen({
      ...{ own: far.aggregator, address: "127.0.0.1", port: far.callback.port, path: "/nsi/callback", nsa: REQUESTER },
      knows: (fingerprint) => fingerprint === far.fingerprint,
      answer: async (envelope) => {
        heard = [...heard, envelope];
        return { header: envelope.header, message: { operation: "types:acknowledgment", content: {} } };
      },
      refused: () => undefined,
    });
  });
  afterAll(async () => {
    await Promise.all(lines.map((line) => line.close()));
    await listener.close();
    await far.end();
    await rivals.remove();
  });

  function headerOf(changes: Partial<NsiHeader> = {}): NsiHeader {
    const correlationId = `urn:uuid:${randomUUID()}`;
    const names = { requesterNSA: REQUESTER, providerNSA: PROVIDER, replyTo: far.callback.url };
    return { protocolVersion: PROVIDER_PROTOCOL, correlationId, ...names, ...changes };
  }
  async function say(
    message: Message,
    header: Partial<NsiHeader> = {},
    badge: Badge = far.aggregator,
  ): Promise<Message> {
    const line = new Line({ url: far.url, fingerprint: far.fingerprint }, badge, 10_000);
    lines.push(line);
    return (await line.send({ header: headerOf(header), message })).message;
  }
  function wishOf(changes: Partial<{ capacity: number }> = {}): Content<"types:reserve"> {
    const { start, end } = windowIn(0, 600);
    const schedule = { startTime: start, endTime: end };
    const service = { capacity: changes.capacity ?? 100, sourceSTP: AMS, destSTP: `${SAN}?vlan=200-207` };
    return { description: "theirs", criteria: { schedule, serviceType: "any", "p2p:p2ps": service } };
  }
  const reserve = (content: Content<"types:reserve"> = wishOf()): Message => ({ operation: "types:reserve", content });
  async function idOf(message: Message): Promise<string> {
    const answer = await say(message);
    if (answer.operation === "types:reserveResponse") return answer.content.connectionId;
    throw new Error(`it answered ${answer.operation}`);
  }
  const about = (operation: Message["operation"], id: string) =>
    heard
      .map(({ message }) => message)
      .find((one) => one.operation === operation && "connectionId" in one.content && one.content.connectionId === id);
  async function until(operation: Message["operation"], id: string): Promise<Message> {
    await expect.poll(() => about(operation, id)).toBeDefined();
    return about(operation, id) ?? Promise.reject(new Error(operation));
  }
  function faultOf(answer: Message) {
    if (answer.operation !== "soap:Fault") throw new Error(`${answer.operation} is no fault`);
    const { errorId, text } = exceptionIn(answer.content) ?? {};
    return `${errorId} ${text}`;
  }
  const named = (
    operation: "types:reserveCommit" | "types:provision" | "types:release" | "types:terminate" | "types:reserveAbort",
    connectionId: string,
  ): Message => ({
    operation,
    content: { connectionId },
  });
  const mine = async () => (await far.domains.drac("ams.example").list()).filter(({ state }) => state !== "terminated");

  it("is driven by whoever shows a known certificate, and by nobody else, whatever they say", async () => {
    expect(faultOf(await say(reserve(), {}, far.stranger))).toMatch(/^00302 .*is not known here/);
    // A requester in the name of another, with a certificate of its own that is known.
    expect(faultOf(await say(reserve(), {}, rival))).toMatch(
      /its certificate is that of urn:ogf:network:other.example/,
    );
    expect(faultOf(await say(reserve(), { providerNSA: OTHER }))).toMatch(
      /^00100 .*this is urn:ogf:network:ams.example/,
    );
    const bare = await new Promise<number | undefined>((resolve, reject) => {
      const options = { method: "POST", rejectUnauthorized: false, headers: { "content-type": "text/xml" } };
      const asked = httpsRequest(far.url, options, ({ statusCode }) => resolve(statusCode));
      asked.on("error", reject).end(writeEnvelope({ header: headerOf(), message: reserve() }));
    });
    expect(bare).toBe(500);
    expect(await mine()).toEqual([]);
  });

  it("calls nobody up but where the requester's configuration says", async () => {
    const elsewhere = ["https://127.0.0.1:1/nsi/callback", "http://127.0.0.1/nsi/callback", "file:///etc/passwd"];
    const beside = [`${far.callback.url}-other`, far.callback.url.replace("/callback", ""), "nonsense"];
    for (const replyTo of [...elsewhere, ...beside]) {
      expect(faultOf(await say(reserve(), { replyTo })), replyTo).toMatch(/^00302 .*takes no callbacks at/);
    }
    expect(await mine()).toEqual([]);
  });

  it("keeps one requester's connections from another", async () => {
    const id = await idOf(reserve());
    await until("types:reserveConfirmed", id);
    const as = { requesterNSA: OTHER, replyTo: undefined };
    for (const operation of [
      "types:reserveCommit",
      "types:reserveAbort",
      "types:provision",
      "types:terminate",
    ] as const) {
      expect(faultOf(await say(named(operation, id), as, rival)), operation).toMatch(/^00203 .*there is no/);
    }
    const query: Message = { operation: "types:querySummarySync", content: { connectionId: [id] } };
    expect(await say(query, as, rival)).toEqual({ operation: "types:querySummarySyncConfirmed", content: {} });
    await say(named("types:reserveAbort", id));
    await until("types:reserveAbortConfirmed", id);
    expect(await mine()).toEqual([]);
  });

  it("takes every step in its turn only", async () => {
    const id = await idOf(reserve());
    await until("types:reserveConfirmed", id);
    for (const operation of ["types:provision", "types:release"] as const) {
      expect(faultOf(await say(named(operation, id)))).toMatch(/^00201 .*is ReserveHeld/);
    }
    await say(named("types:reserveCommit", id));
    expect(faultOf(await say(named("types:reserveAbort", id)))).toMatch(/^00201/);
    await until("types:reserveCommitConfirmed", id);
    expect(faultOf(await say(named("types:reserveCommit", id)))).toMatch(/^00201/);
    await say(named("types:provision", id));
    await until("types:provisionConfirmed", id);
    expect(await until("types:dataPlaneStateChange", id)).toMatchObject({
      content: { dataPlaneStatus: { active: true } },
    });
    const query: Message = { operation: "types:querySummary", content: { connectionId: [id] } };
    expect((await say(query)).operation).toBe("types:acknowledgment");
    const told = () =>
      heard.flatMap(({ message }) => (message.operation === "types:querySummaryConfirmed" ? [message] : []));
    await expect.poll(told).toMatchObject([
      {
        content: {
          reservation: [
            {
              ...{ connectionId: id, description: "theirs", requesterNSA: REQUESTER },
              criteria: [{ "p2p:p2ps": { capacity: 100, sourceSTP: `${AMS}?vlan=1780`, destSTP: `${SAN}?vlan=200` } }],
              connectionStates: { provisionState: "Provisioned", dataPlaneStatus: { active: true } },
            },
          ],
        },
      },
    ]);
    await say(named("types:terminate", id));
    await until("types:terminateConfirmed", id);
    expect(faultOf(await say(named("types:provision", id)))).toMatch(/^00201/);
    expect(await mine()).toEqual([]);
  });

  it("tells of a hold that ran out, and has nothing left of it", async () => {
    const id = await idOf(reserve());
    await until("types:reserveConfirmed", id);
    const timeout = await until("types:reserveTimeout", id);
    expect(timeout).toMatchObject({ content: { timeoutValue: HOLD_SECONDS, originatingNSA: PROVIDER } });
    expect(faultOf(await say(named("types:reserveCommit", id)))).toMatch(/^00201 .*is ReserveTimeout/);
    expect((await mine()).filter(({ state }) => state !== "timed-out")).toEqual([]);
  });

  it("refuses what it does not do, before anything is begun", async () => {
    const wish = wishOf();
    const criteria = (changes: Partial<typeof wish.criteria>) => ({
      ...wish,
      criteria: { ...wish.criteria, ...changes },
    });
    const faulty: [Content<"types:reserve">, RegExp][] = [
      [{ ...wish, connectionId: "some-id" }, /^00103/],
      [criteria({ schedule: {} }), /^00101 .*endTime/],
      [criteria({ "p2p:p2ps": undefined }), /^00101/],
      [criteria({ schedule: { endTime: "2026-01-01T00:00:00Z" } }), /^00100 .*ends before/],
    ];
    for (const [content, error] of faulty) expect(faultOf(await say(reserve(content)))).toMatch(error);
    expect(faultOf(await say({ operation: "types:acknowledgment", content: {} }))).toMatch(/^00103/);
    const id = await idOf(reserve(wishOf({ capacity: 1_500 })));
    const failed = await until("types:reserveFailed", id);
    expect(failed).toMatchObject({
      content: {
        connectionStates: { reservationState: "ReserveFailed" },
        serviceException: { errorId: "00302", text: expect.stringMatching(/1000 Mbps at most/) },
      },
    });
    expect(await mine()).toEqual([]);
  });

  it("reads no documents that would cost it more than its sender, and none that are no messages", async () => {
    async function post(body: string): Promise<string> {
      return await new Promise((resolve, reject) => {
        const options = {
          method: "POST",
          rejectUnauthorized: false,
          cert: far.aggregator.cert,
          key: far.aggregator.key,
        };
        const asked = httpsRequest(far.url, { ...options, headers: { "content-type": "text/xml" } }, (answer) => {
          answer.setEncoding("utf8");
          let text = `${answer.statusCode} `;
          answer.on("data", (more: string) => {
            text += more;
          });
          answer.on("end", () => resolve(text));
        });
        asked.on("error", reject).end(body);
      });
    }
    expect(await post('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>')).toMatch(
      /^500 .*00100.*declares a document type/,
    );
    expect(await post("<a>".repeat(20_000))).toMatch(/^500 .*nested more than/);
    expect(await post("x".repeat(100_000))).toMatch(/^413 /);
    expect(await post("{}")).toMatch(/^500 .*00100/);
    const whole = writeEnvelope({ header: headerOf(), message: reserve() });
    expect(await post(whole.replace("types:reserve", "p2p:reserve").replace("types:reserve", "p2p:reserve"))).toMatch(
      /00100/,
    );
    expect(await mine()).toEqual([]);
  });

  it("goes on after a restart where it was", async () => {
    const id = await idOf(reserve());
    await until("types:reserveConfirmed", id);
    await say(named("types:reserveCommit", id));
    await until("types:reserveCommitConfirmed", id);
    await far.domains.stop("ams.example");
    await far.domains.start("ams.example");
    await say(named("types:provision", id));
    await until("types:dataPlaneStateChange", id);
    expect(await mine()).toMatchObject([{ state: "provisioned", vm: id }]);
    await say(named("types:terminate", id));
    await until("types:terminateConfirmed", id);
    expect(await mine()).toEqual([]);
  });

  it("tells after a restart what became of what was under way", async () => {
    const [held, committed] = [await idOf(reserve()), await idOf(reserve())];
    for (const id of [held, committed]) await until("types:reserveConfirmed", id);
    await say(named("types:reserveCommit", committed));
    await until("types:reserveCommitConfirmed", committed);
    await far.domains.stop("ams.example");
    const store = new DatabaseSync(`${far.domains.bed.directory}/ams.example.sqlite`);
    const set = store.prepare("UPDATE nsi_connections SET reservation = ?, committed = 0 WHERE id = ?");
    // As a crash leaves it: between the word and the deed, and between the deed and the word.
    set.run("ReserveChecking", held);
    set.run("ReserveCommitting", committed);
    store.close();
    heard = [];
    await far.domains.start("ams.example");
    expect(await until("types:reserveFailed", held)).toMatchObject({
      content: { connectionStates: { reservationState: "ReserveFailed" }, serviceException: { errorId: "00500" } },
    });
    await until("types:reserveCommitConfirmed", committed);
    expect(await mine()).toMatchObject([{ state: "reserved", vm: committed }]);
    await say(named("types:terminate", committed));
    await until("types:terminateConfirmed", committed);
    expect((await mine()).filter(({ state }) => state !== "timed-out")).toEqual([]);
  });
});
