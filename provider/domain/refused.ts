import type { TimeWindow } from "../aaa/wire.ts";

type RefusedStatus = 400 | 401 | 403 | 404 | 409 | 429 | 502 | 504;

/** A request that this domain, or one that it asked, does not grant. It becomes the body of the answer. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: RefusedStatus;
  /** Short and stable, for programs: "token.insufficient". */
  readonly error: string;
  /** Who refused, if not the domain that answers. */
  readonly domain: string | undefined;
  /** Of that domain, if a policy refused. */
  readonly policy: string | undefined;
  /** When there is room, for want of which it is refused. */
  readonly nextFreeSlot: TimeWindow | undefined;

  constructor(
    status: RefusedStatus,
    error: string,
    reason: string,
    domain?: string,
    policy?: string,
    nextFreeSlot?: TimeWindow,
  ) {
    super(reason);
    this.status = status;
    this.error = error;
    this.domain = domain;
    this.policy = policy;
    this.nextFreeSlot = nextFreeSlot;
  }
}
