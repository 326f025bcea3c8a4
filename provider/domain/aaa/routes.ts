import { z } from "zod";
import { grant, grantListing, grantRequest, grantStatus } from "../../aaa/wire.ts";
import type { Accounts } from "../accounting/ledger.ts";
import { GIVING_POINTS } from "../pace.ts";
import { clientOf, peerOf, type Server } from "../server.ts";
import type { Grants } from "./grants.ts";
import type { Revocations } from "./revocations.ts";

const byId = z.object({ id: z.string().min(1).max(64) });
const byToken = byId.extend({ token: z.string().min(1).max(64) });

export interface AaaParts {
  readonly grants: Grants;
  readonly revocations: Revocations;
  readonly accounts: Accounts;
}

/** The AAA half of the API: grants for clients, and what other domains take back. */
export function serveAaa(server: Server, { grants, revocations, accounts }: AaaParts): void {
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
  server.delete("/aaa/consents/:id", { schema: { params: byId } }, async (request, reply) => {
    const home = peerOf(request).id;
    revocations.add(home, request.params.id);
    accounts.note({ event: "revocation", grant: request.params.id, home });
    return reply.status(204).send();
  });
  server.delete("/aaa/consents/:id/tokens/:token", { schema: { params: byToken } }, async (request, reply) => {
    const home = peerOf(request).id;
    const { id: grant, token } = request.params;
    revocations.addToken(home, grant, token);
    accounts.note({ event: "revocation", grant, home, token });
    return reply.status(204).send();
  });
}
