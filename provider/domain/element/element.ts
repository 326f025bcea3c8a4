/** One channel of one port of this domain's switch. */
export interface Terminal {
  readonly port: string;
  readonly channel: number;
}

/** Two terminals to be joined for a connection. */
export interface Joint {
  /** Unique among this switch's joints. */
  readonly key: string;
  readonly ends: readonly [Terminal, Terminal];
  readonly bandwidthMbps: number;
  readonly mtu: number;
}

/** Port: the switch of a domain. All are idempotent and reject with the reason if the switch does not do as told. */
export interface Element {
  /** From now on frames pass between the two ends, at no more than the rate, and to nowhere else. */
  join(joint: Joint): Promise<void>;
  /** What is joined goes on at this joint's rate: no frame is lost by it, none waits for it. */
  adjust(joint: Joint): Promise<void>;
  /** From now on none pass. */
  part(joint: Joint): Promise<void>;
  /** Whatever the switch does, it now joins these and nothing else. */
  restore(joints: readonly Joint[]): Promise<void>;
}
