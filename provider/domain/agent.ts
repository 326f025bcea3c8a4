import type { Logger } from "pino";
import { importPublicKey } from "../aaa/keys.ts";
import { reasonOf } from "../errors.ts";
import { Callers } from "./aaa/callers.ts";
import { aaaHalf } from "./aaa/half.ts";
import { serveAaa } from "./aaa/routes.ts";
import { Signatures } from "./aaa/signatures.ts";
import { Ledger } from "./accounting/ledger.ts";
import { Refusals } from "./accounting/refusals.ts";
import { Atlas } from "./discovery/atlas.ts";
import { Exchange } from "./discovery/exchange.ts";
import { serveDiscovery } from "./discovery/routes.ts";
import { Statements } from "./discovery/statements.ts";
import { dracHalf } from "./drac/half.ts";
import { serveConnections, serveNotifications, serveSegments } from "./drac/routes.ts";
import type { Loaded } from "./load.ts";
import { nsiHalf } from "./nsi/half.ts";
import { Peers } from "./peers.ts";
import { openPolicies } from "./policy/policies.ts";
import { repeat } from "./repeat.ts";
import { makeServer } from "./server.ts";
import { openStore } from "./store.ts";
import { ownPorts } from "./topology.ts";
import { openTrust } from "./trust.ts";

/** How late a window's end, or a hold's, may be noticed in the data plane. */
const EXPIRY_INTERVAL_MS = 250;
const DEBT_INTERVAL_MS = 3_000;

/** A domain's agent that answers. */
export interface Agent {
  readonly url: string;
  /** Answers what is under way, and ends. The data plane stays as it is. */
  close(): Promise<void>;
}

/** Puts the parts of an agent together, makes the switch do what the store says, and answers. Rejects if it cannot listen, or use its store or its policies. */
export async function startAgent(loaded: Loaded, log: Logger): Promise<Agent> {
  const { domain, listen, discovery } = loaded.config;
  const policies = await openPolicies(loaded.config.policies, log);
  const database = openStore(loaded.config.store);
  const statements = new Statements(database);
  const atlas = new Atlas(domain, loaded.config.topology, statements);
  const ownPublic = await importPublicKey(loaded.signing.publicJwk, domain);
  const trust = openTrust(loaded, log);
  const peers = new Peers(loaded, trust);
  const signatures = new Signatures(loaded, ownPublic, trust);
  const unsealed = (thrown: unknown): void => log.error({ reason: reasonOf(thrown) }, "a fact could not be sealed");
  const accounts = new Ledger({ domain, database, key: loaded.signing.key, failed: unsealed });
  const ground = { config: { ...loaded.config, topology: atlas }, database, signatures, peers, accounts, log };
  const aaa = aaaHalf(ground, policies);
  const drac = dracHalf(ground, aaa.authority, ownPorts(loaded.config));
  const exchange = new Exchange({ signatures, statements, atlas, peers, lifeSeconds: discovery.lifeSeconds, log });
  const refusals = new Refusals(accounts);
  const server = makeServer(loaded, new Callers(domain, trust, database), log, refusals);
  serveAaa(server, aaa);
  serveConnections(server, drac);
  serveNotifications(server, drac.notices);
  serveSegments(server, drac.segments);
  serveDiscovery(server, exchange);
  drac.debts.recover();
  await drac.segments.restore();
  const nsi = await nsiHalf(ground, loaded, aaa, drac.coordinator, refusals);
  const url = await server.listen({ host: listen.address, port: listen.port });
  const complain = (thrown: unknown): void => log.error({ reason: reasonOf(thrown) }, "housekeeping failed");
  const stops = [
    repeat(() => drac.segments.expire(), EXPIRY_INTERVAL_MS, complain),
    repeat(() => drac.debts.settle(), DEBT_INTERVAL_MS, complain),
    repeat(async () => refusals.flush(), DEBT_INTERVAL_MS, complain),
    repeat(() => exchange.refresh(), discovery.refreshSeconds * 1_000, complain),
  ];
  return {
    url,
    close: async () => {
      await nsi?.close();
      await server.close();
      await Promise.all([...stops.map((stop) => stop()), policies.close(), trust.close()]);
      await exchange.settled();
      await peers.close();
      refusals.flush(true);
      await accounts.settled();
      database.close();
    },
  };
}
