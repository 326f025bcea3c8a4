import type { Logger } from "pino";
import { importPublicKey } from "../aaa/keys.ts";
import { reasonOf } from "../errors.ts";
import { Authority } from "./aaa/authority.ts";
import { Callers } from "./aaa/callers.ts";
import { Commitments } from "./aaa/commitments.ts";
import { Consents } from "./aaa/consents.ts";
import { Grants } from "./aaa/grants.ts";
import { Permission } from "./aaa/permission.ts";
import { Revocations } from "./aaa/revocations.ts";
import { serveAaa } from "./aaa/routes.ts";
import { Signatures } from "./aaa/signatures.ts";
import { Tokens } from "./aaa/tokens.ts";
import { Ledger } from "./accounting/ledger.ts";
import { Metered } from "./accounting/metered.ts";
import { Refusals } from "./accounting/refusals.ts";
import { Uses } from "./accounting/uses.ts";
import type { DomainConfig } from "./config.ts";
import { ConnectionStore } from "./drac/connection-store.ts";
import { Coordinator } from "./drac/coordinator.ts";
import { Debts } from "./drac/debts.ts";
import { ModificationStore } from "./drac/modification-store.ts";
import { Modifications } from "./drac/modifications.ts";
import { Offers } from "./drac/offers.ts";
import { peerPart } from "./drac/peer-part.ts";
import { RideStore } from "./drac/ride-store.ts";
import { Riders } from "./drac/riders.ts";
import { Room } from "./drac/room.ts";
import { serveConnections, serveSegments } from "./drac/routes.ts";
import { SegmentStore } from "./drac/segment-store.ts";
import { Segments } from "./drac/segments.ts";
import { Unison } from "./drac/unison.ts";
import { VersionStore } from "./drac/version-store.ts";
import type { Element } from "./element/element.ts";
import { LinuxElement } from "./element/linux.ts";
import { noElement } from "./element/none.ts";
import type { Loaded } from "./load.ts";
import { Peers } from "./peers.ts";
import { openPolicies } from "./policy/policies.ts";
import { repeat } from "./repeat.ts";
import { Serial } from "./serial.ts";
import { makeServer } from "./server.ts";
import { openStore } from "./store.ts";
import { ownPorts } from "./topology.ts";

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
  const { config } = loaded;
  const policies = await openPolicies(config.policies, log);
  const database = openStore(config.store);
  const peers = new Peers(loaded);
  const signatures = new Signatures(loaded, await importPublicKey(loaded.signing.publicJwk, config.domain));
  const revocations = new Revocations(database);
  const authority = new Authority(signatures, revocations);
  const { key } = loaded.signing;
  const unwritten = (thrown: unknown): void => log.error({ reason: reasonOf(thrown) }, "a fact could not be sealed");
  const accounts = new Ledger({ domain: config.domain, database, key, failed: unwritten });
  const permission = new Permission(config, policies, new Commitments(database));
  const consents = new Consents(config, signatures, permission, accounts);
  const grants = new Grants({ config, database, signatures, permission, consents, revocations, peers, accounts, log });
  const tokens = new Tokens(signatures, grants, config.tokenSeconds, accounts);
  const { domain, topology, holdSeconds } = config;
  const store = new SegmentStore(database);
  const room = new Room(ownPorts(config), store);
  const rides = new RideStore(database);
  const element = new Metered(elementOf(config), new Uses(database), accounts);
  const versions = new VersionStore(database);
  const segments = new Segments({ domain, holdSeconds, room, store, versions, rides, authority, element, accounts });
  const partOf = (name: string) => (name === domain ? segments.partFor(domain) : peerPart(peers, name));
  const connections = new ConnectionStore(database);
  const riders = new Riders(database, partOf);
  const modifications = new Modifications({ store: new ModificationStore(database), riders, partOf });
  const led = { store: connections, unison: new Unison(connections, partOf), modifications, turns: new Serial() };
  const coordinator = new Coordinator({ ...led, topology, riders, authority, partOf });
  const debts = new Debts({ ...led, log });
  const refusals = new Refusals(accounts);
  const server = makeServer(loaded, new Callers(domain, loaded.known, database), log, refusals);
  serveAaa(server, { grants, tokens, consents, revocations, accounts });
  const offers = new Offers(topology, (name, request) => partOf(name).availability(request));
  serveConnections(server, coordinator, offers);
  serveSegments(server, segments);
  debts.recover();
  await segments.restore();
  const url = await server.listen({ host: config.listen.address, port: config.listen.port });
  const complain = (thrown: unknown): void => log.error({ reason: reasonOf(thrown) }, "housekeeping failed");
  const stops = [
    repeat(() => segments.expire(), EXPIRY_INTERVAL_MS, complain),
    repeat(() => debts.settle(), DEBT_INTERVAL_MS, complain),
    repeat(async () => refusals.flush(), DEBT_INTERVAL_MS, complain),
  ];
  return {
    url,
    close: async () => {
      await server.close();
      await Promise.all([...stops.map((stop) => stop()), policies.close()]);
      await peers.close();
      refusals.flush(true);
      await accounts.settled();
      database.close();
    },
  };
}

function elementOf({ element }: DomainConfig): Element {
  switch (element.driver) {
    case "linux":
      return new LinuxElement(element.devices);
    case "none":
      return noElement;
    default:
      return element satisfies never;
  }
}
