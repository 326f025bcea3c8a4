/** How far the clocks of domains and their callers may be apart. */
export const CLOCK_TOLERANCE_SECONDS = 5;
export const CLOCK_TOLERANCE_MS = CLOCK_TOLERANCE_SECONDS * 1_000;
