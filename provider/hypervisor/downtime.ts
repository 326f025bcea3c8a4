/** What both ends add to the way of the last bytes: measured between 20 and 35 ms. */
const HANDWORK_MS = 30;

/** How long a VM is away at least over a path of that round trip: its light's way, and the work at both ends. */
export const leastDowntimeMs = (rttMs: number): number => Math.round(rttMs / 2 + HANDWORK_MS);
