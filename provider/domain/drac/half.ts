import type { Authority } from "../aaa/authority.ts";
import type { Ground } from "../aaa/half.ts";
import { Metered } from "../accounting/metered.ts";
import { Uses } from "../accounting/uses.ts";
import type { DomainConfig } from "../config.ts";
import type { Element } from "../element/element.ts";
import { LinuxElement } from "../element/linux.ts";
import { noElement } from "../element/none.ts";
import type { OwnLinks } from "../element/own-links.ts";
import { Serial } from "../serial.ts";
import { type OwnPort, portAt } from "../topology.ts";
import { Coordinator } from "./coordinator.ts";
import { Debts } from "./debts.ts";
import { Modifications } from "./modifications.ts";
import { Notices } from "./notices.ts";
import { Offers } from "./offers.ts";
import { peerPart } from "./peer-part.ts";
import { Reservations } from "./reservations.ts";
import { Riders } from "./riders.ts";
import { Room } from "./room.ts";
import { Segments } from "./segments.ts";
import { Series } from "./series.ts";
import { SqliteConnections } from "./sqlite/connections.ts";
import { SqliteModifications } from "./sqlite/modifications.ts";
import { SqliteNotices } from "./sqlite/notices.ts";
import { SqliteRiders } from "./sqlite/riders.ts";
import { SqliteSegments } from "./sqlite/segments.ts";
import { Unison } from "./unison.ts";

/** The DRAC half of an agent put together: its own part of connections, and those that it coordinates. */
export function dracHalf(
  ground: Ground,
  authority: Authority,
  ports: ReadonlyMap<string, OwnPort>,
  { steered, links }: { readonly steered: Element; readonly links: OwnLinks },
) {
  const { config, database, peers, accounts, log } = ground;
  const { domain, topology, holdSeconds } = config;
  const store = new SqliteSegments(database);
  const element = new Metered(steered, new Uses(database), accounts);
  const room = new Room(ports, store, links);
  const segments = new Segments({ store, domain, holdSeconds, room, authority, element, links, accounts });
  const partOf = (name: string) => (name === domain ? segments.partFor(domain) : peerPart(peers, name));
  const noticed = new SqliteNotices(database);
  const connections = new SqliteConnections(database, noticed);
  const riders = new Riders(new SqliteRiders(database), partOf);
  const modifications = new Modifications({ store: new SqliteModifications(database, noticed), partOf });
  const led = { store: connections, unison: new Unison(connections, partOf), turns: new Serial() };
  const reservations = new Reservations({ ...led, holdSeconds, topology, authority, partOf });
  const coordinator = new Coordinator({ ...led, reservations, modifications, riders, authority });
  return {
    segments,
    notices: new Notices(noticed),
    coordinator,
    series: new Series(coordinator),
    debts: new Debts({ ...led, modifications, log }),
    offers: new Offers(topology, (name, request) => partOf(name).occupancy(request)),
  };
}

/** The switch that a domain's configuration names. */
export function elementOf({ domain, topology, element }: DomainConfig): Element {
  switch (element.driver) {
    case "linux":
      return new LinuxElement(
        element.devices,
        topology.links.flatMap((link) => portAt(link, domain) ?? []),
      );
    case "none":
      return noElement;
    default:
      return element satisfies never;
  }
}
