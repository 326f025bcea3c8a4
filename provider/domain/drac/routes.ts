import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { Credential } from "../../aaa/credential.ts";
import {
  alternativesRequest,
  connection,
  modifyRequest,
  offer,
  offerRequest,
  pairOffer,
  pairRequest,
  reserveRequest,
  seriesRequest,
} from "../../lightpath/drac/wire.ts";
import { Refused } from "../refused.ts";
import { clientOf, peerOf, type Server } from "../server.ts";
import { occupancy, occupancyRequest, segmentHeld, segmentModification, segmentRequest } from "../wire.ts";
import type { Coordinator } from "./coordinator.ts";
import { eventStream } from "./event-stream.ts";
import type { Notices } from "./notices.ts";
import type { Offers } from "./offers.ts";
import type { Segments } from "./segments.ts";
import type { Series } from "./series.ts";

const byId = z.object({ id: z.string().min(1).max(64) });
const byRider = byId.extend({ vm: z.string().min(1).max(64) });
const byModification = byId.extend({ request: z.uuid() });
const connectionOf = { schema: { params: byId, response: { 200: connection } } };
const created = { schema: { body: reserveRequest, response: { 201: connection } } };

interface Served {
  readonly coordinator: Coordinator;
  readonly series: Series;
  readonly offers: Offers;
}

/** The DRAC half of the API for clients: connections that this domain coordinates. */
export function serveConnections(server: Server, { coordinator, series, offers }: Served): void {
  const offered = { schema: { body: offerRequest, response: { 200: offer } } };
  server.post("/drac/offers", offered, async (request) => {
    clientOf(request);
    return await offers.find(request.body);
  });
  const several = { schema: { body: alternativesRequest, response: { 200: z.array(offer) } } };
  server.post("/drac/alternatives", several, async (request) => {
    clientOf(request);
    return [...(await offers.alternatives(request.body))];
  });
  const paired = { schema: { body: pairRequest, response: { 200: pairOffer } } };
  server.post("/drac/pairs", paired, async (request) => {
    clientOf(request);
    return await offers.pair(request.body);
  });
  server.post("/drac/connections", created, async (request, reply) =>
    reply.status(201).send(await coordinator.reserve(clientOf(request), request.body, rightOf(request))),
  );
  const recurrent = { schema: { body: seriesRequest, response: { 201: z.array(connection) } } };
  server.post("/drac/series", recurrent, async (request, reply) =>
    reply.status(201).send([...(await series.reserve(clientOf(request), request.body, rightOf(request)))]),
  );
  server.get("/drac/connections", { schema: { response: { 200: z.array(connection) } } }, async (request) => [
    ...(await coordinator.list(clientOf(request))),
  ]);
  server.get("/drac/connections/:id", connectionOf, async (request) =>
    coordinator.get(clientOf(request), request.params.id),
  );
  server.post("/drac/connections/:id/commit", connectionOf, async (request) =>
    coordinator.commit(clientOf(request), request.params.id, rightOf(request)),
  );
  server.post("/drac/connections/:id/provision", connectionOf, async (request) =>
    coordinator.provision(clientOf(request), request.params.id, rightOf(request)),
  );
  server.post("/drac/connections/:id/release", connectionOf, async (request) =>
    coordinator.release(clientOf(request), request.params.id),
  );
  const modified = { schema: { params: byId, body: modifyRequest, response: { 200: connection } } };
  server.post("/drac/connections/:id/modify", modified, async (request) =>
    coordinator.modify(clientOf(request), request.params.id, request.body, rightOf(request)),
  );
  const joined = { schema: { params: byRider, response: { 200: connection } } };
  server.put("/drac/connections/:id/riders/:vm", joined, async (request) =>
    coordinator.join(clientOf(request), request.params.id, request.params.vm, rightOf(request)),
  );
  server.delete("/drac/connections/:id/riders/:vm", { schema: { params: byRider } }, async (request, reply) => {
    await coordinator.leave(clientOf(request), request.params.id, request.params.vm);
    return reply.status(204).send();
  });
  server.delete("/drac/connections/:id", { schema: { params: byId } }, async (request, reply) => {
    await coordinator.terminate(clientOf(request), request.params.id);
    return reply.status(204).send();
  });
}

/** What becomes of a client's connections, as server-sent events: from the one after `Last-Event-ID` on, or from now on. */
export function serveNotifications(server: Server, notices: Notices): void {
  const headers = z.looseObject({ "last-event-id": z.coerce.number().int().nonnegative().optional() });
  server.get("/drac/notifications", { schema: { headers } }, async (request, reply) => {
    const { id } = clientOf(request);
    const after = request.headers["last-event-id"] ?? (await notices.last());
    const over = new AbortController();
    reply.raw.once("close", () => over.abort());
    // It may have gone while it was being identified.
    if (reply.raw.destroyed) over.abort();
    const stream = eventStream(notices.follow(id, after, over.signal), after, over.signal);
    return reply.type("text/event-stream").header("cache-control", "no-store").send(stream);
  });
}

/** The DRAC half of the API for coordinating domains: this domain's part of their connections. */
export function serveSegments(server: Server, segments: Segments): void {
  const partOf = (request: FastifyRequest) => segments.partFor(peerOf(request, "coordinate").id);
  const asked = { schema: { body: occupancyRequest, response: { 200: occupancy } } };
  server.post("/drac/occupancy", asked, async (request) => await partOf(request).occupancy(request.body));
  const held = { schema: { body: segmentRequest, response: { 201: segmentHeld } } };
  server.post("/drac/segments", held, async (request, reply) =>
    reply.status(201).send(await partOf(request).hold(request.body, rightOf(request))),
  );
  server.post("/drac/segments/:id/commit", { schema: { params: byId } }, async (request, reply) => {
    await partOf(request).commit(request.params.id, rightOf(request));
    return reply.status(204).send();
  });
  server.post("/drac/segments/:id/provision", { schema: { params: byId } }, async (request, reply) => {
    await partOf(request).provision(request.params.id, rightOf(request));
    return reply.status(204).send();
  });
  server.post("/drac/segments/:id/release", { schema: { params: byId } }, async (request, reply) => {
    await partOf(request).release(request.params.id);
    return reply.status(204).send();
  });
  const modification = { schema: { params: byId, body: segmentModification } };
  server.post("/drac/segments/:id/modifications", modification, async (request, reply) => {
    await partOf(request).holdModification(request.params.id, request.body, rightOf(request));
    return reply.status(204).send();
  });
  const noted = { schema: { params: byModification } };
  server.post("/drac/segments/:id/modifications/:request/commit", noted, async (request, reply) => {
    await partOf(request).commitModification(request.params.id, request.params.request);
    return reply.status(204).send();
  });
  server.post("/drac/segments/:id/modifications/:request/confirm", noted, async (request, reply) => {
    await partOf(request).confirmModification(request.params.id, request.params.request);
    return reply.status(204).send();
  });
  server.delete("/drac/segments/:id/modifications/:request", noted, async (request, reply) => {
    await partOf(request).abortModification(request.params.id, request.params.request);
    return reply.status(204).send();
  });
  server.put("/drac/segments/:id/riders/:vm", { schema: { params: byRider } }, async (request, reply) => {
    const { id, vm } = request.params;
    await partOf(request).join(id, vm, rightOf(request));
    return reply.status(204).send();
  });
  server.delete("/drac/segments/:id/riders/:vm", { schema: { params: byRider } }, async (request, reply) => {
    await partOf(request).leave(request.params.id, request.params.vm);
    return reply.status(204).send();
  });
  server.delete("/drac/segments/:id", { schema: { params: byId } }, async (request, reply) => {
    await partOf(request).terminate(request.params.id);
    return reply.status(204).send();
  });
}

/** Throws Refused (401) if there is none. */
function rightOf({ right }: FastifyRequest): Credential {
  if (right !== undefined) return right;
  throw new Refused(401, "token.missing", "the request carries no token");
}
