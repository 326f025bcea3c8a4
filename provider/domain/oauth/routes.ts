import type { FastifySchema } from "fastify";
import { z } from "zod";
import { tokenError, tokenResponse } from "../../aaa/oauth.ts";
import type { Server } from "../server.ts";
import { type AuthorizationServer, METADATA_ROUTES, ROUTES } from "./authorization-server.ts";
import { exchangeParameters } from "./exchange.ts";

const client = { client_assertion_type: z.string().optional(), client_assertion: z.string().optional() };
const said = z.looseObject({});
const asForm = { consumes: ["application/x-www-form-urlencoded"] };

/** What the API's description says of each endpoint; the authorization server itself checks what is sent. */
const POSTED: Readonly<Record<string, FastifySchema>> = {
  [ROUTES.token]: {
    ...{ ...asForm, summary: "A grant in exchange for a token (RFC 8693)", security: [] },
    body: exchangeParameters.extend({ grant_type: z.string(), ...client }),
    response: { 200: tokenResponse, 400: tokenError, 401: tokenError },
  },
  [ROUTES.revocation]: {
    ...{ ...asForm, summary: "Takes back a token, or a grant with all its tokens (RFC 7009)", security: [] },
    body: z.object({ token: z.string(), token_type_hint: z.string().optional(), ...client }),
    response: { 200: z.string().max(0), 400: tokenError, 401: tokenError },
  },
};
const GOT: Readonly<Record<string, FastifySchema>> = {
  [ROUTES.jwks]: { summary: "The domain's keys (RFC 7517)", security: [], response: { 200: said } },
  [METADATA_ROUTES[0]]: { summary: "Where what is (RFC 8414)", security: [], response: { 200: said } },
  [METADATA_ROUTES[1]]: { hide: true },
};

/** The endpoints of the authorization server, which reads bodies and recognizes callers by itself. */
export function serveOAuth(server: Server, authorization: AuthorizationServer): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _body, done) => done(null));
    const routes = [
      // Who posts is recognized there, and then counted.
      ...Object.entries(POSTED).map(([url, schema]) => ({ method: "POST", url, schema, points: 0 })),
      ...Object.entries(GOT).map(([url, schema]) => ({ method: "GET", url, schema, points: 1 })),
    ];
    for (const { points, ...route } of routes) {
      scope.route({
        ...route,
        config: { isPublic: true, points },
        validatorCompiler: () => (value) => ({ value }),
        handler: async (request, reply) => {
          reply.hijack();
          await authorization.answer(request.raw, reply.raw);
        },
      });
    }
  });
}
