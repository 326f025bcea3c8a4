import { TLSSocket } from "node:tls";
import { type FastifyError, fastify } from "fastify";
import { certificateFingerprint } from "../../../aaa/domain-record.ts";
import { type Envelope, readEnvelope, writeEnvelope } from "./envelope.ts";
import { ERRORS, type ErrorName } from "./exception.ts";
import type { Identity } from "./line.ts";
import { MalformedXml } from "./xml.ts";

const BODY_LIMIT_BYTES = 64 * 1_024;
/** Who connects must also ask, and take its answer: half-open connections would keep others out. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 60_000;
const MOST_CONNECTIONS = 200;

/** What an agent does not do, told by one of NSI's errors. */
export class NsiRefusal extends Error {
  override readonly name = "NsiRefusal";
  readonly error: ErrorName;
  readonly connectionId: string | undefined;

  constructor(error: ErrorName, reason: string, connectionId?: string) {
    super(reason);
    this.error = error;
    this.connectionId = connectionId;
  }
}

export interface ListenerParts {
  readonly own: Identity;
  readonly address: string;
  readonly port: number;
  /** Of the one path that messages come to: "/nsi". */
  readonly path: string;
  /** Who speaks here: its NSA. */
  readonly nsa: string;
  /** Whether a certificate is one of those that may speak here at all. */
  knows(fingerprint: string): boolean;
  /** Answers a message of the one who has that certificate's key. Rejects with NsiRefusal; anything else is an internal error. */
  answer(envelope: Envelope, fingerprint: string): Promise<Envelope>;
  /** Told of what was refused and of what failed. */
  refused(reason: string, fingerprint: string | undefined): void;
}

/** An agent that listens for SOAP messages of those whose certificates it knows. */
export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens, or rejects with the reason why it cannot. Whoever shows no known certificate has not one byte of XML read. */
export async function listen(parts: ListenerParts): Promise<Listener> {
  const { own, address, port, path, nsa } = parts;
  const server = fastify({
    https: {
      ...{ ...own, minVersion: "TLSv1.2", requestCert: true, handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
      // Its certificate is looked at below: no authority vouches for it.
      rejectUnauthorized: false,
    },
    ...{ requestTimeout: REQUEST_TIMEOUT_MS, connectionTimeout: IDLE_TIMEOUT_MS },
    bodyLimit: BODY_LIMIT_BYTES,
    logger: false,
    forceCloseConnections: true,
  });
  server.server.maxConnections = MOST_CONNECTIONS;
  server.removeAllContentTypeParsers();
  // Whatever it is called: some say text/xml, some application/soap+xml.
  server.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  server.addHook("onRequest", async (request) => {
    const fingerprint = fingerprintOf(request.raw.socket);
    if (fingerprint === undefined || !parts.knows(fingerprint)) {
      throw new NsiRefusal("unauthorized", `${fingerprint ?? "who shows no certificate"} is not known here`);
    }
  });
  server.post(path, async (request, reply) => {
    const fingerprint = fingerprintOf(request.raw.socket) ?? "";
    const answer = await parts.answer(readEnvelope(String(request.body)), fingerprint);
    return await reply.status(200).type("text/xml; charset=utf-8").send(writeEnvelope(answer));
  });
  server.setErrorHandler<FastifyError | NsiRefusal | MalformedXml>((thrown, request, reply) => {
    const [status, refusal] = refusalOf(thrown);
    const told = status === 500 && refusal.error === "internal-error" ? String(thrown) : refusal.message;
    parts.refused(told, fingerprintOf(request.raw.socket));
    return reply
      .status(status)
      .type("text/xml; charset=utf-8")
      .send(writeEnvelope(faultFor(nsa, refusal)));
  });
  const url = await server.listen({ host: address, port });
  return { port: Number(new URL(url).port), close: async () => await server.close() };
}

/** SOAP 1.1 has faults come with status 500; what is not even read is told by HTTP's own. */
function refusalOf(thrown: FastifyError | NsiRefusal | MalformedXml): readonly [number, NsiRefusal] {
  if (thrown instanceof NsiRefusal) return [500, thrown];
  if (thrown instanceof MalformedXml) return [500, new NsiRefusal("payload-error", thrown.message)];
  const status = thrown.statusCode ?? 500;
  if (status < 500) return [status, new NsiRefusal("payload-error", thrown.message)];
  return [500, new NsiRefusal("internal-error", "the agent failed; its log tells why")];
}

function faultFor(nsa: string, { error, message, connectionId }: NsiRefusal): Envelope {
  const exception = { nsaId: nsa, connectionId, errorId: ERRORS[error], text: textOf(error, message) };
  const server = error === "internal-error" ? "soap:Server" : "soap:Client";
  const detail = { "framework:serviceException": exception };
  return {
    header: undefined,
    message: { operation: "soap:Fault", content: { faultcode: server, faultstring: exception.text, detail } },
  };
}

/** As GFD.235 has it: the error's name, then what it was this time. */
export function textOf(error: ErrorName, reason: string): string {
  return `${error.toUpperCase().replaceAll("-", "_")}: ${reason}`.slice(0, 4_000);
}

/** Of who connected, and has that certificate's key; undefined if it showed none, or one that is not for now. */
function fingerprintOf(socket: object): string | undefined {
  const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (shown === undefined) return undefined;
  const nowMs = Date.now();
  if (nowMs < shown.validFromDate.getTime() || shown.validToDate.getTime() < nowMs) return undefined;
  return certificateFingerprint(shown);
}
