import { z } from "zod";
import { grant, grantListing, grantRequest, grantStatus, token, tokenRequest } from "../../aaa/wire.ts";
import type { Accounts } from "../accounting/ledger.ts";
import { GIVING_POINTS } from "../pace.ts";
import { clientOf, peerOf, type Server } from "../server.ts";
import { consent, consentRequest } from "../wire.ts";
import type { Consents } from "./consents.ts";
import type { Grants } from "./grants.ts";
import type { Revocations } from "./revocations.ts";
import type { Tokens } from "./tokens.ts";

const byId = z.object({ id: z.string().min(1).max(64) });

export interface AaaParts {
  readonly grants: Grants;
  readonly tokens: Tokens;
  readonly consents: Consents;
  readonly revocations: Revocations;
  readonly accounts: Accounts;
}

/** The AAA half of the API: grants and tokens for clients, consents for other domains. */
export function serveAaa(server: Server, { grants, tokens, consents, revocations, accounts }: AaaParts): void {
  const asked = { schema: { body: grantRequest, response: { 201: grant } }, config: { points: GIVING_POINTS } };
  server.post("/aaa/grants", asked, async (request, reply) =>
    reply.status(201).send(await grants.request(clientOf(request), request.body)),
  );
  server.get("/aaa/grants", { schema: { response: { 200: z.array(grantListing) } } }, async (request) =>
    grants.standing(clientOf(request)),
  );
  server.get("/aaa/grants/:id", { schema: { params: byId, response: { 200: grantStatus } } }, async (request) =>
    grants.status(clientOf(request), request.params.id),
  );
  server.delete("/aaa/grants/:id", { schema: { params: byId } }, async (request, reply) => {
    await grants.revoke(clientOf(request), request.params.id);
    return reply.status(204).send();
  });
  const minted = { schema: { body: tokenRequest, response: { 201: token } }, config: { points: GIVING_POINTS } };
  server.post("/aaa/tokens", minted, async (request, reply) =>
    reply.status(201).send(await tokens.mint(clientOf(request), request.body)),
  );
  server.post(
    "/aaa/consents",
    { schema: { body: consentRequest, response: { 201: consent } } },
    async (request, reply) =>
      reply.status(201).send({ consent: await consents.decide(peerOf(request).id, request.body) }),
  );
  server.delete("/aaa/consents/:id", { schema: { params: byId } }, async (request, reply) => {
    const home = peerOf(request).id;
    revocations.add(home, request.params.id);
    accounts.note({ event: "revocation", grant: request.params.id, home });
    return reply.status(204).send();
  });
}
