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
import { Offers } from "./offers.ts";
import { peerPart } from "./peer-part.ts";
import { RideStore } from "./ride-store.ts";
import { Riders } from "./riders.ts";
import { Room } from "./room.ts";
import { SegmentStore } from "./segment-store.ts";
import { Segments } from "./segments.ts";
import { Unison } from "./unison.ts";
import { VersionStore } from "./version-store.ts";

/** The DRAC half of an agent put together: its own part of connections, and those that it coordinates. */
export function dracHalf(ground: Ground, authority: Authority, ports: ReadonlyMap<string, OwnPort>) {
  const { config, database, peers, accounts, log } = ground;
  const { domain, topology, holdSeconds } = config;
  const store = new SegmentStore(database);
  const stores = { store, versions: new VersionStore(database), rides: new RideStore(database) };
  const element = new Metered(elementOf(config), new Uses(database), accounts);
  const room = new Room(ports, store);
  const segments = new Segments({ ...stores, domain, holdSeconds, room, authority, element, accounts });
  const partOf = (name: string) => (name === domain ? segments.partFor(domain) : peerPart(peers, name));
  const connections = new ConnectionStore(database);
  const riders = new Riders(database, partOf);
  const modifications = new Modifications({ store: new ModificationStore(database), riders, partOf });
  const led = { store: connections, unison: new Unison(connections, partOf), modifications, turns: new Serial() };
  return {
    segments,
    coordinator: new Coordinator({ ...led, holdSeconds, topology, riders, authority, partOf }),
    debts: new Debts({ ...led, log }),
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
