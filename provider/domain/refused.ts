import type { Refusal, TimeWindow } from "../aaa/wire.ts";

type RefusedStatus = 400 | 401 | 403 | 404 | 409 | 429 | 502 | 504;

/** Whoever calls is nobody that this domain's configuration names. */
export const unknownCaller = (domain: string): Refused =>
  new Refused(401, "caller.unknown", `the caller is not known to ${domain}`);

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
  /** The link that is down, for which it is refused. */
  readonly link: string | undefined;

  constructor(
    status: RefusedStatus,
    error: string,
    reason: string,
    domain?: string,
    policy?: string,
    nextFreeSlot?: TimeWindow,
    link?: string,
  ) {
    super(reason);
    this.status = status;
    this.error = error;
    this.domain = domain;
    this.policy = policy;
    this.nextFreeSlot = nextFreeSlot;
    this.link = link;
  }

  /** As callers are told it; `own`: the domain that answers. */
  refusal(own: string): Refusal {
    const { error, domain = own, message: reason, policy, nextFreeSlot, link } = this;
    return {
      ...{ error, domain, reason },
      ...(policy === undefined ? {} : { policy }),
      ...(nextFreeSlot === undefined ? {} : { nextFreeSlot }),
      ...(link === undefined ? {} : { link }),
    };
  }
}
