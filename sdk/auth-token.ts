import * as pulumi from "@pulumi/pulumi";
import type { PathConstraints, TimeWindow } from "../provider/aaa/wire.ts";
import { shell } from "./shell.ts";
import type { DomainRecord, Site } from "./site.ts";

export type { PathConstraints, TimeWindow };

export interface AuthTokenArgs {
  /** The two sites, in any order: moves in both directions are covered. */
  between: [Site, Site];
  /** The most that a path under this grant may carry, in Mbit/s. */
  bandwidthMbps: pulumi.Input<number>;
  /** From–until, ISO 8601 in UTC ("2026-01-31T20:00:00Z"). */
  window: pulumi.Input<{ start: pulumi.Input<string>; end: pulumi.Input<string> }>;
  /** Name of the VM (`VmPlacement.name`) that may move. */
  vm: pulumi.Input<string>;
  /** The VM's labels (`VmPlacement.labels`), which domains' policies may ask for; `purpose` is one of them. */
  labels?: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
  /** "tls" tells the domains that its moves are encrypted, and binds them to it. Default: nothing is said of it. */
  encryption?: pulumi.Input<"tls" | "none"> | undefined;
  /** What its way over the domains must keep to: a largest delay, domains on it, what to avoid. Default: nothing. */
  constraints?: pulumi.Input<PathConstraints> | undefined;
  /** The domain that is asked, and that asks the others. Default: the first site's. */
  home?: pulumi.Input<DomainRecord> | undefined;
}

/** A grant as moves and reservations get it. */
export interface GrantReferenceArgs {
  id: pulumi.Input<string>;
  jwt: pulumi.Input<string>;
  home: pulumi.Input<DomainRecord>;
  window: AuthTokenArgs["window"];
}

/**
 * Consent, given ahead, of every network domain between two sites. Each move mints its own short-lived token under it.
 * Expiry is no change: declare another window for another grant. Deletion revokes. Who asks is in the stack's
 * configuration (`turntable:callerId`, `turntable:callerKeyFile` or `turntable:callerKey`).
 */
export class AuthToken extends pulumi.dynamic.Resource {
  declare readonly grantId: pulumi.Output<string>;
  /** The signed grant. Secret, though useless without the caller's key. */
  declare readonly grant: pulumi.Output<string>;
  /** Every domain on the way, each of which agreed. */
  declare readonly domains: pulumi.Output<string[]>;
  declare readonly window: pulumi.Output<TimeWindow>;
  declare readonly state: pulumi.Output<"active" | "expired" | "revoked">;
  /** For other resources. */
  readonly reference: GrantReferenceArgs;

  constructor(name: string, args: AuthTokenArgs, opts?: pulumi.CustomResourceOptions) {
    const [one, other] = args.between;
    const home = args.home ?? one.location.domain;
    const between = [one, other].map(({ location: { name, stp, labels } }) => ({ name, stp, labels }));
    const outputs = { grantId: undefined, grant: undefined, domains: undefined, state: undefined };
    const options = pulumi.mergeOptions(opts, { dependsOn: [one, other], additionalSecretOutputs: ["grant"] });
    super(shell("AuthToken"), name, { ...args, between, home, ...outputs }, options, "turntable", "AuthToken");
    // Marked here too: only the engine knows additionalSecretOutputs, and a reservation must be sent no open text.
    this.reference = { id: this.grantId, jwt: pulumi.secret(this.grant), home, window: args.window };
  }
}
