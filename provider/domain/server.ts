import type { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { type FastifyError, type FastifyRequest, fastify } from "fastify";
import {
  hasZodFastifySchemaValidationErrors,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import type { Logger } from "pino";
import { z } from "zod";
import { type Credential, PROOFS_HEADER } from "../aaa/credential.ts";
import { certificateFingerprint } from "../aaa/domain-record.ts";
import { ALGORITHM } from "../aaa/keys.ts";
import { type Refusal, TOKEN_HEADER } from "../aaa/wire.ts";
import { correlated, MOVE_HEADER, moveNamed } from "../correlation.ts";
import type { Callers, Shown } from "./aaa/callers.ts";
import type { Refusals } from "./accounting/refusals.ts";
import type { PeerRight } from "./config.ts";
import type { OwnKeys } from "./keys/own-keys.ts";
import type { Known, Loaded } from "./load.ts";
import { describeApi } from "./openapi.ts";
import { type Pace, tooFast } from "./pace.ts";
import { requireRight } from "./peer-right.ts";
import { Refused } from "./refused.ts";

declare module "fastify" {
  interface FastifyRequest {
    caller: Known | undefined;
    /** That the caller presents, or a domain passes on. */
    right: Credential | undefined;
    /** The move in whose course this is asked, if its id was sent. */
    move: string | undefined;
  }
  interface FastifyContextConfig {
    /** Who asks is not asked for. */
    isPublic?: boolean;
    /** What a request costs of its caller's pace, or of its address's if it is public; absent: one. */
    points?: number;
  }
}

const BODY_LIMIT_BYTES = 64 * 1_024;
/** A token holds a consent of every domain on the way: Node's default of 16 KiB is eight domains. */
const HEADER_LIMIT_BYTES = 64 * 1_024;
/** Who connects must also ask, and take its answer: half-open connections would keep others out. */
const HANDSHAKE_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 60_000;
const MOST_CONNECTIONS = 1_000;
/** What turns down a wish, or something that is none; what is not there is merely told so. */
const ACCOUNTED = new Set([400, 401, 403, 409, 413, 415, 429]);

interface ServerParts {
  readonly keys: OwnKeys;
  readonly callers: Callers;
  readonly pace: Pace;
  readonly log: Logger;
  readonly refusals: Refusals;
}

export type Server = Awaited<ReturnType<typeof makeServer>>;

/** The domain's HTTPS server: everything but the public description is refused to whom `callers` does not recognize. */
export async function makeServer({ config, tls }: Loaded, { keys, callers, pace, log, refusals }: ServerParts) {
  const server = fastify({
    https: {
      ...{ ...tls, minVersion: "TLSv1.3", maxHeaderSize: HEADER_LIMIT_BYTES },
      // Domains show theirs; no authority vouches for it, but the configuration has its fingerprint.
      ...{ requestCert: true, rejectUnauthorized: false },
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    },
    ...{ requestTimeout: REQUEST_TIMEOUT_MS, connectionTimeout: IDLE_TIMEOUT_MS },
    bodyLimit: BODY_LIMIT_BYTES,
    logger: false,
    forceCloseConnections: true,
    // What is wrong with the request line itself never reaches the error handler below.
    frameworkErrors: (thrown, _request, reply) => {
      const [status, refusal] = refusalOf(thrown, config.domain);
      reply.hijack();
      reply.raw.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(refusal));
    },
  }).withTypeProvider<ZodTypeProvider>();
  server.server.maxConnections = MOST_CONNECTIONS;
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  await describeApi(server);
  server.decorateRequest("caller", undefined);
  server.decorateRequest("right", undefined);
  server.decorateRequest("move", undefined);
  // What this domain asks of its peers meanwhile is for the same move.
  server.addHook("onRequest", (request, _reply, done) => {
    request.move = moveNamed(request.headers[MOVE_HEADER]);
    if (request.move === undefined) done();
    else correlated(request.move, done);
  });
  server.addHook("onRequest", async (request) => {
    const { ip, routeOptions } = request;
    // First of all: to verify a signature costs more than to send one.
    if (!(await pace.listensTo(ip))) throw tooFast(ip);
    const { isPublic = false, points = 1 } = routeOptions.config;
    if (isPublic) return await pace.blame(ip, points);
    const { caller, right, fault } = await callers.identify(shownBy(request)).catch(async (thrown: unknown) => {
      await pace.blame(ip);
      throw thrown;
    });
    request.caller = caller;
    request.right = right;
    if (!(await pace.allows(caller.id, points))) throw tooFast(caller.id);
    if (fault !== undefined) throw fault;
  });
  // Neither headers nor bodies: they hold assertions, tokens and grants.
  server.addHook("onResponse", async ({ method, url, caller, move }, { statusCode, elapsedTime }) => {
    log.info({ method, url, caller: caller?.id, move, statusCode, elapsedMs: Math.round(elapsedTime) }, "answered");
  });
  server.setErrorHandler<FastifyError | Refused>((thrown, request, reply) => {
    const [status, refusal] = refusalOf(thrown, config.domain);
    const { method, url, caller, move } = request;
    if (ACCOUNTED.has(status)) {
      const asked = `${method} ${request.routeOptions.url ?? "elsewhere"}`;
      refusals.note({ caller: caller?.id ?? request.ip, asked, refusal });
    }
    if (status === 500) log.error({ method, url, move, err: thrown }, "failed");
    else log.info({ method, url, caller: caller?.id, move, ...refusal }, "refused");
    return reply.status(status).send(refusal);
  });
  server.setNotFoundHandler(() => {
    throw new Refused(404, "not-found", "there is no such thing");
  });
  const description = z.object({
    domain: z.string(),
    jwks: z.object({ keys: z.array(z.record(z.string(), z.string())) }),
  });
  const open = { schema: { response: { 200: description } }, config: { isPublic: true } };
  server.get("/.well-known/turntable", open, async () => ({
    domain: config.domain,
    jwks: { keys: keys.all.map(({ publicJwk, kid }) => ({ ...publicJwk, kid, alg: ALGORITHM, use: "sig" })) },
  }));
  return server;
}

function shownBy({ method, url, headers, raw }: FastifyRequest): Shown {
  const { authorization, dpop, [TOKEN_HEADER]: passedOn, [PROOFS_HEADER]: further } = headers;
  const shown = certificateOf(raw);
  return {
    ...{ method, path: url, authorization },
    proof: typeof dpop === "string" ? dpop : undefined,
    further: typeof further === "string" ? further : undefined,
    passedOn: typeof passedOn === "string" ? passedOn : undefined,
    certificate: shown && certificateFingerprint(shown),
  };
}

/** The certificate that the other end of a connection has; undefined if it showed none. */
export function certificateOf({ socket }: IncomingMessage): X509Certificate | undefined {
  return socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
}

/** Throws Refused (403) unless a client of this domain calls. */
export function clientOf({ caller }: FastifyRequest): Known {
  if (caller?.kind === "client") return caller;
  throw new Refused(403, "caller.not-client", "this is for clients of the domain");
}

/** Throws Refused (403) unless another domain calls, which is trusted with that; absent: which any may do. */
export function peerOf({ caller }: FastifyRequest, right?: PeerRight): Known {
  if (caller?.kind !== "peer") throw new Refused(403, "caller.not-peer", "this is for other domains");
  if (right !== undefined) requireRight(caller, right);
  return caller;
}

function refusalOf(thrown: FastifyError | Refused, own: string): readonly [number, Refusal] {
  if (thrown instanceof Refused) return [thrown.status, thrown.refusal(own)];
  const status = thrown.statusCode ?? 500;
  if (hasZodFastifySchemaValidationErrors(thrown) || (status >= 400 && status < 500)) {
    return [status < 500 ? status : 400, { error: "request.malformed", domain: own, reason: thrown.message }];
  }
  return [500, { error: "agent.failed", domain: own, reason: "the agent failed; its log tells why" }];
}
