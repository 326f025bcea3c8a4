/** Property bags as they come from and go to the engine: JSON, possibly with Pulumi's unknown sentinel in check and diff. */
export type Properties = Record<string, unknown>;

export interface CheckFailure {
  /** Path of the property: "hosts[0].hostKey". */
  readonly property: string;
  readonly reason: string;
}

export interface CheckResult {
  readonly inputs: Properties;
  readonly failures: readonly CheckFailure[];
}

export interface DiffResult {
  readonly changes: boolean;
  readonly replaces: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

export interface ReadResult {
  /** Undefined: the resource is gone. */
  readonly id: string | undefined;
  readonly props: Properties;
  readonly inputs: Properties;
}

/**
 * The contract of a resource, free of Pulumi, so that another kind of plugin can be a second door to it.
 * check and diff change nothing, admit unknown values and do not fail because a site is down.
 */
export interface Resource {
  /** olds: inputs of the last update (after a refresh: what `read` returned as inputs); empty at creation. */
  check(request: { readonly olds: Properties; readonly news: Properties }): Promise<CheckResult>;
  /** olds: outputs of the last attempt. */
  diff(request: { readonly id: string; readonly olds: Properties; readonly news: Properties }): Promise<DiffResult>;
  create(request: { readonly inputs: Properties }): Promise<{ readonly id: string; readonly outs: Properties }>;
  read(request: { readonly id: string; readonly props: Properties }): Promise<ReadResult>;
  update(request: {
    readonly id: string;
    readonly olds: Properties;
    readonly news: Properties;
  }): Promise<{ readonly outs: Properties }>;
  delete(request: { readonly id: string; readonly props: Properties }): Promise<void>;
}

/** Where a resource says what it is doing. `progress` may be shown once and overwritten. */
export interface Narrator {
  info(line: string): void;
  warn(line: string): void;
  progress(line: string): void;
}

/** From the stack's configuration, never from resource state. */
export interface Credentials {
  /** OpenSSH private key (PEM), or undefined to use the agent at SSH_AUTH_SOCK. */
  readonly sshPrivateKey: string | undefined;
  /** How the caller is known to domains, and the private Ed25519 JWK that proves it. */
  readonly caller: { readonly id: string; readonly key: string } | undefined;
  /** PEM of the certificate, and its key, by which providers of NSI's Connection Service know this program. */
  readonly nsi: { readonly cert: string; readonly key: string } | undefined;
  /** The token (JWT) by which an OSCARS knows this program. */
  readonly oscarsToken: string | undefined;
}

/**
 * An operation that failed after it had changed the world: `properties` is what is true now.
 * The engine keeps them as outputs, shows `reasons`, and calls update again on the next `up`.
 */
export class PartialFailure extends Error {
  override readonly name = "PartialFailure";
  readonly id: string;
  readonly properties: Properties;
  readonly reasons: readonly string[];

  constructor(id: string, properties: Properties, reasons: readonly string[], cause?: unknown) {
    super(reasons.join("; "), { cause });
    this.id = id;
    this.properties = properties;
    this.reasons = reasons;
  }
}
