import { Client, type ConnectConfig, type ServerHostKeyAlgorithm } from "ssh2";
import { reasonOf, TurntableError } from "../errors.ts";
import { hostKeyFingerprint, hostKeyOf } from "./host-key.ts";
import type { HostRecord } from "./record.ts";

/** How to prove who we are: a private key (its text), or, where undefined, the agent at SSH_AUTH_SOCK. */
export interface SshAuth {
  readonly privateKey: string | undefined;
}

const ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/** The pinned key's kind first, the others after: a server with a key of another kind is a mismatch, not a riddle. */
function preferred(hostKey: string): ServerHostKeyAlgorithm[] {
  const kind = hostKey.startsWith("ssh-rsa ") ? "rsa-" : hostKey.split(" ")[0];
  const fits = (name: string) => name.startsWith(kind ?? "");
  return [...ALGORITHMS.filter(fits), ...ALGORITHMS.filter((name) => !fits(name))];
}

function credentials(record: HostRecord, auth: SshAuth): ConnectConfig {
  if (auth.privateKey !== undefined) return { privateKey: auth.privateKey };
  const agent = process.env.SSH_AUTH_SOCK;
  if (agent) return { agent };
  throw new TurntableError("credentials.missing", `There is no ssh key for ${record.name}`, {
    retry: "never",
    next: "Run `pulumi config set turntable:sshKeyFile <absolute path>`, or start an ssh agent (SSH_AUTH_SOCK).",
  });
}

function keyMismatch(where: string, expected: string, got: string): TurntableError {
  return new TurntableError(
    "host.key-mismatch",
    `${where} has another host key than the pinned one: expected ${hostKeyFingerprint(expected)}, got ${hostKeyFingerprint(got)}`,
    {
      retry: "never",
      next: "Somebody may be posing as this host: find out before you change hostKey",
    },
  );
}

function connectFailure(where: string, user: string, thrown: Error & { level?: string }): TurntableError {
  if (thrown.level === "client-authentication") {
    return new TurntableError("host.unreachable", `${where} refused the ssh key of ${user}`, {
      retry: "never",
      next: "Check the user, its authorized_keys at the host, and turntable:sshKeyFile in the stack's configuration.",
      cause: thrown,
    });
  }
  return new TurntableError("host.unreachable", `${where} cannot be reached by ssh: ${reasonOf(thrown)}`, {
    retry: "safe",
    next: "Check its address and port, and that sshd runs there, then run pulumi up again",
    cause: thrown,
  });
}

/** For messages: "san (127.0.0.1:2202)". */
export function placeOf(record: HostRecord): string {
  return `${record.name} (${record.address}:${record.port})`;
}

/** An authenticated connection to exactly the pinned host. Rejects with host.key-mismatch, host.unreachable or credentials.missing. */
export function connectClient(record: HostRecord, auth: SshAuth): Promise<Client> {
  const { promise, resolve, reject } = Promise.withResolvers<Client>();
  const client = new Client();
  let stranger: TurntableError | undefined;
  client.once("ready", () => resolve(client));
  client.on("error", (thrown) => reject(stranger ?? connectFailure(placeOf(record), record.user, thrown)));
  client.once("close", () => reject(connectFailure(placeOf(record), record.user, new Error("it hung up"))));
  try {
    client.connect({
      host: record.address,
      port: record.port,
      username: record.user,
      ...credentials(record, auth),
      algorithms: { serverHostKey: preferred(record.hostKey) },
      hostVerifier: (blob: Buffer) => {
        const got = hostKeyOf(blob);
        if (got === record.hostKey) return true;
        stranger = keyMismatch(placeOf(record), record.hostKey, got);
        return false;
      },
      readyTimeout: 10_000,
      keepaliveInterval: 5_000,
      keepaliveCountMax: 3,
    });
    client.setNoDelay(true);
  } catch (thrown) {
    if (thrown instanceof TurntableError) reject(thrown);
    else reject(unusableKey(record, thrown));
  }
  return promise;
}

function unusableKey(record: HostRecord, thrown: unknown): TurntableError {
  return new TurntableError("credentials.missing", `The ssh key for ${record.name} is unusable: ${reasonOf(thrown)}`, {
    retry: "never",
    next: "Let turntable:sshKeyFile (or turntable:sshPrivateKey) hold an OpenSSH private key without a passphrase.",
  });
}
