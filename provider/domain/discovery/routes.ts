import { peerOf, type Server } from "../server.ts";
import { topologies, topologyDocument } from "../wire.ts";
import type { Exchange } from "./exchange.ts";

/** For peers: what each domain says of itself, as it signed it. */
export function serveDiscovery(server: Server, exchange: Exchange): void {
  server.get("/drac/topologies", { schema: { response: { 200: topologies } } }, async (request) => {
    peerOf(request, "tell");
    return exchange.known().map(({ document }) => ({ document }));
  });
  server.post("/drac/topologies", { schema: { body: topologyDocument } }, async (request, reply) => {
    await exchange.learn(request.body.document, peerOf(request, "tell").id);
    return reply.status(204).send();
  });
}
