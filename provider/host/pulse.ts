/** How often a controller is heard, and how long it may be unheard before a host frees all that it has there. */
export interface Pulse {
  readonly beatMs: number;
  readonly silenceMs: number;
}

export const PULSE: Pulse = { beatMs: 2_000, silenceMs: 15_000 };
