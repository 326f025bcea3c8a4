import { type FastifyError, type FastifyRequest, fastify } from "fastify";
import {
  hasZodFastifySchemaValidationErrors,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from "fastify-type-provider-zod";
import type { Logger } from "pino";
import { z } from "zod";
import type { Refusal } from "../aaa/wire.ts";
import { correlated, MOVE_HEADER, moveNamed } from "../correlation.ts";
import type { Callers } from "./aaa/callers.ts";
import type { Refusals } from "./accounting/refusals.ts";
import type { Known, Loaded } from "./load.ts";
import { Pace } from "./pace.ts";
import { Refused } from "./refused.ts";

declare module "fastify" {
  interface FastifyRequest {
    caller: Known | undefined;
    /** The move in whose course this is asked, if its id was sent. */
    move: string | undefined;
  }
  interface FastifyContextConfig {
    /** What a request costs of its caller's pace; absent: one. */
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
const PUBLIC_PATH = "/.well-known/turntable";

export type Server = ReturnType<typeof makeServer>;

/** The domain's HTTPS server: everything but the public description is refused to whom `callers` does not recognize. */
export function makeServer({ config, tls, signing }: Loaded, callers: Callers, log: Logger, refusals: Refusals) {
  const server = fastify({
    https: {
      ...{ ...tls, minVersion: "TLSv1.3", maxHeaderSize: HEADER_LIMIT_BYTES },
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
  server.decorateRequest("caller", undefined);
  server.decorateRequest("move", undefined);
  // What this domain asks of its peers meanwhile is for the same move.
  server.addHook("onRequest", (request, _reply, done) => {
    request.move = moveNamed(request.headers[MOVE_HEADER]);
    if (request.move === undefined) done();
    else correlated(request.move, done);
  });
  const pace = new Pace(config.pace);
  server.addHook("onRequest", async (request) => {
    const { ip, headers, routeOptions } = request;
    // First of all: to verify a signature costs more than to send one.
    if (!(await pace.listensTo(ip))) throw tooFast(ip);
    if (routeOptions.url === PUBLIC_PATH) return await pace.blame(ip);
    try {
      request.caller = await callers.identify(headers.authorization);
    } catch (thrown) {
      await pace.blame(ip);
      throw thrown;
    }
    const { id } = request.caller;
    if (!(await pace.allows(id, routeOptions.config.points ?? 1))) throw tooFast(id);
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
  server.get(PUBLIC_PATH, { schema: { response: { 200: description } } }, async () => ({
    domain: config.domain,
    jwks: { keys: [{ ...signing.publicJwk, alg: "EdDSA", use: "sig" }] },
  }));
  return server;
}

/** Throws Refused (403) unless a client of this domain calls. */
export function clientOf({ caller }: FastifyRequest): Known {
  if (caller?.kind === "client") return caller;
  throw new Refused(403, "caller.not-client", "this is for clients of the domain");
}

/** Throws Refused (403) unless another domain calls. */
export function peerOf({ caller }: FastifyRequest): Known {
  if (caller?.kind === "peer") return caller;
  throw new Refused(403, "caller.not-peer", "this is for other domains");
}

function tooFast(who: string): Refused {
  return new Refused(429, "caller.too-fast", `${who} asks too often`);
}

function refusalOf(thrown: FastifyError | Refused, own: string): readonly [number, Refusal] {
  if (thrown instanceof Refused) {
    const { status, error, domain = own, message: reason, policy, nextFreeSlot } = thrown;
    const more = {
      ...(policy === undefined ? {} : { policy }),
      ...(nextFreeSlot === undefined ? {} : { nextFreeSlot }),
    };
    return [status, { error, domain, reason, ...more }];
  }
  const status = thrown.statusCode ?? 500;
  if (hasZodFastifySchemaValidationErrors(thrown) || (status >= 400 && status < 500)) {
    return [status < 500 ? status : 400, { error: "request.malformed", domain: own, reason: thrown.message }];
  }
  return [500, { error: "agent.failed", domain: own, reason: "the agent failed; its log tells why" }];
}
