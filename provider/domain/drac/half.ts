import type { Authority } from "../aaa/authority.ts";
import type { Ground } from "../aaa/half.ts";
import { Metered } from "../accounting/metered.ts";
import { Uses } from "../accounting/uses.ts";
import type { DomainConfig } from "../config.ts";
import type { Element } from "../element/element.ts";
import { LinuxElement } from "../element/linux.ts";
import { noElement } from "../element/none.ts";
import { Serial } from "../serial.ts";
import type { OwnPort } from "../topology.ts";
import { ConnectionStore } from "./connection-store.ts";
import { Coordinator } from "./coordinator.ts";
import { Debts } from "./debts.ts";
import { ModificationStore } from "./modification-store.ts";
import { Modifications } from "./modifications.ts";
import { Notices } from "./notices.ts";
import { Offers } from "./offers.ts";
import { peerPart } from "./peer-part.ts";
import { Reservations } from "./reservations.ts";
import { RideStore } from "./ride-store.ts";
import { Riders } from "./riders.ts";
import { Room } from "./room.ts";
import { SegmentStore } from "./segment-store.ts";
import { Segments } from "./segments.ts";
import { Series } from "./series.ts";
import { TokenUses } from "./token-uses.ts";
import { Unison } from "./unison.ts";
import { VersionStore } from "./version-store.ts";

/** The DRAC half of an agent put together: its own part of connections, and those that it coordinates. */
export function dracHalf(ground: Ground, authority: Authority, ports: ReadonlyMap<string, OwnPort>) {
  const { config, database, peers, accounts, log } = ground;
  const { domain, topology, holdSeconds } = config;
  const store = new SegmentStore(database);
  const stores = {
    store,
    versions: new VersionStore(database),
    rides: new RideStore(database),
    tokenUses: new TokenUses(database),
  };
  const element = new Metered(elementOf(config), new Uses(database), accounts);
  const room = new Room(ports, store);
  const segments = new Segments({ ...stores, domain, holdSeconds, room, authority, element, accounts });
  const partOf = (name: string) => (name === domain ? segments.partFor(domain) : peerPart(peers, name));
  const notices = new Notices(database);
  const connections = new ConnectionStore(database, notices);
  const riders = new Riders(database, partOf);
  const modifications = new Modifications({ store: new ModificationStore(database, notices), riders, partOf });
  const led = { store: connections, unison: new Unison(connections, partOf), turns: new Serial() };
  const reservations = new Reservations({ ...led, holdSeconds, topology, riders, authority, partOf });
  const coordinator = new Coordinator({ ...led, reservations, modifications, riders, authority });
  return {
    segments,
    notices,
    coordinator,
    series: new Series(coordinator),
    debts: new Debts({ ...led, modifications, log }),
    offers: new Offers(topology, (name, request) => partOf(name).occupancy(request)),
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
