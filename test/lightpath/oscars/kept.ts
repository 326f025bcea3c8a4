import type * as wire from "../../../provider/lightpath/oscars/wire.ts";

/** What the double has of a connection. */
export interface Kept {
  hold: wire.HoldRequest;
  phase: "HELD" | "RESERVED" | "ARCHIVED";
  state: "WAITING" | "ACTIVE" | "FAILED";
  heldUntilMs: number;
}

/** In the shape of the recorded one: the schedule told once, its id elsewhere. */
export function infoOf({ hold, phase, state }: Kept): object {
  const { connectionId, begin, end, fixtures, junctions, description, connection_mtu } = hold;
  const schedule = `${connectionId}-sched`;
  const told = (first: boolean) => (first ? { refId: schedule, beginning: begin, ending: end, phase } : schedule);
  const part = {
    cmp: {
      junctions: junctions.map(({ device }, index) => ({ deviceUrn: device, schedule: told(index === 0) })),
      fixtures: fixtures.map(({ junction, port, vlan, inMbps, outMbps }) => ({
        ...{ junction, portUrn: port, ingressBandwidth: inMbps, egressBandwidth: outMbps, schedule },
        vlan: { urn: port, vlanId: vlan, schedule },
      })),
    },
    schedule,
  };
  const parts = { HELD: { held: part }, RESERVED: { reserved: part }, ARCHIVED: { archived: part } };
  return { connectionId, phase, mode: "MANUAL", state, description, connection_mtu, username: "ops", ...parts[phase] };
}
