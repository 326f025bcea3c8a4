import type { DatabaseSync } from "node:sqlite";
import type { Logger } from "pino";
import type { Ledger } from "../accounting/ledger.ts";
import type { DomainConfig } from "../config.ts";
import type { Peers } from "../peers.ts";
import type { Policies } from "../policy/policies.ts";
import { Asking } from "./asking.ts";
import { Authority } from "./authority.ts";
import { Commitments } from "./commitments.ts";
import { Consents } from "./consents.ts";
import { Grants } from "./grants.ts";
import { Permission } from "./permission.ts";
import { Revocations } from "./revocations.ts";
import type { AaaParts } from "./routes.ts";
import type { Signatures } from "./signatures.ts";
import { Tokens } from "./tokens.ts";
import { Withdrawals } from "./withdrawals.ts";

/** What both halves of an agent stand upon. */
export interface Ground {
  readonly config: DomainConfig;
  readonly database: DatabaseSync;
  readonly signatures: Signatures;
  readonly peers: Peers;
  readonly accounts: Ledger;
  readonly log: Logger;
}

/** What the rest of the agent has of it. */
interface AaaInner {
  readonly authority: Authority;
  readonly tokens: Tokens;
  readonly consents: Consents;
  readonly withdrawals: Withdrawals;
}

/** The AAA half of an agent put together: what its routes serve, and who says whether a token is good. */
export function aaaHalf(ground: Ground, policies: Policies): AaaParts & AaaInner {
  const { config, database, signatures, accounts } = ground;
  const revocations = new Revocations(database);
  const permission = new Permission(config, policies, new Commitments(database));
  const consents = new Consents(config, signatures, permission, accounts);
  const withdrawals = new Withdrawals({ ...ground, domain: config.domain, revocations });
  const asking = new Asking({ ...ground, consents });
  const grants = new Grants({ ...ground, permission, asking, revocations, withdrawals });
  const tokens = new Tokens({ signatures, grants, withdrawals, accounts, tokenSeconds: config.tokenSeconds });
  const authority = new Authority(signatures, revocations, config.sites);
  return { grants, tokens, consents, revocations, withdrawals, accounts, authority };
}
