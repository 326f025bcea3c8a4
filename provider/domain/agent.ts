import type { DatabaseSync } from "node:sqlite";
import type { Logger } from "pino";
import { reasonOf } from "../errors.ts";
import { Callers } from "./aaa/callers.ts";
import { aaaHalf } from "./aaa/half.ts";
import { Proofs } from "./aaa/proofs.ts";
import { serveAaa } from "./aaa/routes.ts";
import { Signatures } from "./aaa/signatures.ts";
import { Spent } from "./aaa/spent.ts";
import { Ledger } from "./accounting/ledger.ts";
import { Refusals } from "./accounting/refusals.ts";
import { Atlas } from "./discovery/atlas.ts";
import { Exchange } from "./discovery/exchange.ts";
import { serveDiscovery } from "./discovery/routes.ts";
import { Statements } from "./discovery/statements.ts";
import { dracHalf, elementOf } from "./drac/half.ts";
import { serveConnections, serveNotifications, serveSegments } from "./drac/routes.ts";
import { OwnLinks } from "./element/own-links.ts";
import { KeyStore } from "./keys/key-store.ts";
import { WatchedKeys } from "./keys/own-keys.ts";
import { serveKeys } from "./keys/routes.ts";
import { TrustedKeys, type TrustedParts } from "./keys/trusted-keys.ts";
import type { Loaded } from "./load.ts";
import { nsiHalf } from "./nsi/half.ts";
import { AuthorizationServer } from "./oauth/authorization-server.ts";
import { serveOAuth } from "./oauth/routes.ts";
import { Pace } from "./pace.ts";
import { Peers } from "./peers.ts";
import { openPolicies } from "./policy/policies.ts";
import { repeat } from "./repeat.ts";
import { makeServer } from "./server.ts";
import { openStore } from "./store.ts";
import { ownPorts } from "./topology.ts";
import { openTrust } from "./trust.ts";

/** How late a window's beginning or end, or a hold's, may be noticed in the data plane, and what became of a link. */
const CLOCK_INTERVAL_MS = 250;
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
  const steered = elementOf(loaded.config);
  const links = new OwnLinks(loaded.config, steered);
  const atlas = new Atlas(domain, loaded.config.topology, statements, links);
  const trust = openTrust(loaded, log);
  const peers = new Peers(loaded, trust);
  const keys = new WatchedKeys(loaded.signing, log);
  const trusted = trustedBy({ domain, trust, database, own: keys, peers, log });
  const signatures = new Signatures(domain, keys, trusted);
  const unsealed = (thrown: unknown): void => log.error({ reason: reasonOf(thrown) }, "a fact could not be sealed");
  const accounts = new Ledger({ domain, database, keys, failed: unsealed });
  const ground = { config: { ...loaded.config, topology: atlas }, database, signatures, peers, accounts, log };
  const aaa = aaaHalf(ground, policies);
  const drac = dracHalf(ground, aaa.authority, ownPorts(loaded.config), { steered, links });
  const exchange = new Exchange({ signatures, statements, atlas, peers, lifeSeconds: discovery.lifeSeconds, log });
  const refusals = new Refusals(accounts);
  const spent = new Spent(database);
  const { config } = loaded;
  const proofs = new Proofs(domain, spent);
  const callers = new Callers({ domain, trust, peers: loaded.peers, spent, proofs });
  const pace = new Pace(config.pace);
  const server = await makeServer(loaded, { keys, callers, pace, log, refusals });
  const { tokens, consents } = aaa;
  const exchanging = { domain, trust, peers: loaded.peers, keys, proofs, tokens, signatures, consents, pace };
  serveOAuth(server, new AuthorizationServer({ ...exchanging, config, database, refusals, log }));
  serveKeys(server, domain, keys);
  serveAaa(server, aaa);
  serveConnections(server, drac);
  serveNotifications(server, drac.notices);
  serveSegments(server, drac.segments);
  serveDiscovery(server, exchange);
  await drac.debts.recover();
  await drac.segments.restore();
  const nsi = await nsiHalf(ground, loaded, aaa, drac.coordinator, refusals);
  const url = await server.listen({ host: listen.address, port: listen.port });
  const complain = (thrown: unknown): void => log.error({ reason: reasonOf(thrown) }, "housekeeping failed");
  // Whoever sees a signature by a key that is new to it asks for the keys.
  keys.whenChanged(() => void exchange.refresh().catch(complain));
  links.whenChanged(() => {
    log.warn({ down: links.down }, "a link went down, or came back");
    exchange.refresh().catch(complain);
  });
  const stops = [
    repeat(() => links.look(), CLOCK_INTERVAL_MS, complain),
    repeat(() => drac.segments.keepTime(), CLOCK_INTERVAL_MS, complain),
    repeat(() => drac.debts.settle(), DEBT_INTERVAL_MS, complain),
    repeat(() => aaa.withdrawals.settle(), DEBT_INTERVAL_MS, complain),
    repeat(async () => refusals.flush(), DEBT_INTERVAL_MS, complain),
    repeat(() => exchange.refresh(), discovery.refreshSeconds * 1_000, complain),
    repeat(() => trusted.refresh(), discovery.refreshSeconds * 1_000, complain),
  ];
  return {
    url,
    close: async () => {
      await nsi?.close();
      await server.close();
      await Promise.all([...stops.map((stop) => stop()), policies.close(), trust.close(), keys.close()]);
      await exchange.settled();
      await peers.close();
      refusals.flush(true);
      await accounts.settled();
      database.close();
    },
  };
}

interface TrustedBy extends Omit<TrustedParts, "store"> {
  readonly database: DatabaseSync;
  readonly own: WatchedKeys;
}

/** Whose signatures this domain believes; its own keys are kept on record. */
function trustedBy({ database, ...parts }: TrustedBy): TrustedKeys {
  const store = new KeyStore(database);
  const publish = (): void => store.publish(parts.domain, parts.own.all);
  publish();
  parts.own.whenChanged(publish);
  return new TrustedKeys({ ...parts, store });
}
