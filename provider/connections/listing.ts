import { type Connection, isStanding, type Notification } from "../lightpath/drac/wire.ts";

/** A connection, and the domain that coordinates it. */
export interface Found {
  readonly domain: string;
  readonly connection: Connection;
}

/** Whether it is or will be somebody's. */
export const stands = ({ connection }: Found, nowMs: number): boolean =>
  isStanding(connection.state) && Date.parse(connection.window.end) > nowMs;

const HEAD = ["CONNECTION", "STATE", "VM", "MBPS", "FROM", "TO", "START", "END", "DOMAIN"];

/** A table for people, the earliest first; nothing if there are none. */
export function tableOf(all: readonly Found[]): readonly string[] {
  const rows = all
    .toSorted((one, other) => Date.parse(one.connection.window.start) - Date.parse(other.connection.window.start))
    .map(({ domain, connection: { connectionId, state, vm, bandwidthMbps, from, to, window } }) => [
      ...[connectionId, state, vm, String(bandwidthMbps), nameOf(from), nameOf(to)],
      ...[clock(window.start), clock(window.end), domain],
    ]);
  const table = rows.length === 0 ? [] : [HEAD, ...rows];
  const widths = HEAD.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** All that is known of one, a line each. */
export function detailsOf({ domain, connection }: Found): readonly string[] {
  const { connectionId, state, vm, from, to, bandwidthMbps, mtu, window, segments, rttMs, constraints } = connection;
  const until = connection.holdExpiresAt === undefined ? "" : ` until ${connection.holdExpiresAt}`;
  return [
    `connection   ${connectionId}, coordinated by ${domain}`,
    `state        ${state}${until}`,
    `vm           ${vm}`,
    `from         ${from}`,
    `to           ${to}`,
    `carries      ${bandwidthMbps} Mbps, packets of ${mtu} bytes`,
    `window       ${window.start} to ${window.end}`,
    `round trip   ${rttMs} ms`,
    ...segments.map((part) => `way          ${part.domain}: ${sideOf(part.in)} to ${sideOf(part.out)}`),
    ...(constraints === undefined ? [] : [`bound by     ${JSON.stringify(constraints)}`]),
  ];
}

/** What became of one, as it is told. */
export const newsOf = (domain: string, { at, connectionId, what }: Notification): string =>
  `${at}  ${connectionId}  ${what}  ${domain}`;

const sideOf = ({ port, channel }: { readonly port: string; readonly channel: number }) =>
  `${port}, channel ${channel}`;
const nameOf = (stp: string) => stp.replace(/^urn:ogf:network:/, "");
const clock = (time: string) => `${time.slice(0, 10)} ${time.slice(11, 19)}Z`;
