import type { DatabaseSync } from "node:sqlite";
import type { Logger } from "pino";
import type { Ledger } from "../accounting/ledger.ts";
import type { DomainConfig } from "../config.ts";
import type { Peers } from "../peers.ts";
import type { Policies } from "../policy/policies.ts";
import { Authority } from "./authority.ts";
import { Commitments } from "./commitments.ts";
import { Consents } from "./consents.ts";
import { Grants } from "./grants.ts";
import { Permission } from "./permission.ts";
import { Revocations } from "./revocations.ts";
import type { AaaParts } from "./routes.ts";
import type { Signatures } from "./signatures.ts";
import { Tokens } from "./tokens.ts";

/** What both halves of an agent stand upon. */
export interface Ground {
  readonly config: DomainConfig;
  readonly database: DatabaseSync;
  readonly signatures: Signatures;
  readonly peers: Peers;
  readonly accounts: Ledger;
  readonly log: Logger;
}

/** The AAA half of an agent put together: what its routes serve, and who says whether a token is good. */
export function aaaHalf(ground: Ground, policies: Policies): AaaParts & { readonly authority: Authority } {
  const { config, database, signatures, accounts } = ground;
  const revocations = new Revocations(database);
  const permission = new Permission(config, policies, new Commitments(database));
  const consents = new Consents(config, signatures, permission, accounts);
  const grants = new Grants({ ...ground, permission, consents, revocations });
  const tokens = new Tokens(signatures, grants, config.tokenSeconds, accounts);
  return { grants, tokens, consents, revocations, accounts, authority: new Authority(signatures, revocations) };
}
