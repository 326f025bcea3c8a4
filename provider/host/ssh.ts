import { constants } from "node:os";
import type { Duplex } from "node:stream";
import type { Client, ClientChannel } from "ssh2";
import { reasonOf, TurntableError } from "../errors.ts";
import { BOOTSTRAP_COMMAND } from "./bootstrap.ts";
import type { Host } from "./host.ts";
import { hostOver } from "./host-over.ts";
import type { HostRecord } from "./record.ts";
import { connectClient, placeOf, type SshAuth } from "./ssh-client.ts";
import { type Channel, LOST, type Transport } from "./transport.ts";

export { hostKeyFingerprint } from "./host-key.ts";

function exitStatus(code: number | null, signal: string | undefined): number {
  if (code !== null) return code;
  const number = Object.entries(constants.signals).find(([name]) => name === `SIG${signal}`)?.[1];
  return number === undefined ? LOST : 128 + number;
}

function channelOf(stream: ClientChannel): Channel {
  let status = LOST;
  stream.on("exit", (code: number | null, signal?: string) => {
    status = exitStatus(code, signal);
  });
  const ended = new Promise<number>((resolve) => stream.once("close", () => resolve(status)));
  return { input: stream, output: stream, errors: stream.stderr, ended };
}

function execBootstrap(client: Client): Promise<Channel> {
  return new Promise((resolve, reject) => {
    client.exec(BOOTSTRAP_COMMAND, (thrown, stream) => (thrown ? reject(thrown) : resolve(channelOf(stream))));
  });
}

function forwardUnix(client: Client, socketPath: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    client.openssh_forwardOutStreamLocal(socketPath, (thrown, stream) => (thrown ? reject(thrown) : resolve(stream)));
  });
}

/** sshd refuses a session beyond its MaxSessions in these words; ssh2 gives the reason's number (RFC 4254, 5.1). */
function isFull(thrown: unknown): boolean {
  return thrown instanceof Error && "reason" in thrown && typeof thrown.reason === "number";
}

/** One TCP connection; if it is lost, the next call makes a new one. */
class Line {
  readonly #record: HostRecord;
  readonly #auth: SshAuth;
  #current: Promise<Client> | undefined;
  #sessions = 0;
  /** How many sessions it carries at once, once that is known. */
  #most = Number.POSITIVE_INFINITY;

  constructor(record: HostRecord, auth: SshAuth) {
    this.#record = record;
    this.#auth = auth;
  }

  client(): Promise<Client> {
    if (this.#current) return this.#current;
    const connecting = connectClient(this.#record, this.#auth);
    this.#current = connecting;
    const forget = () => {
      if (this.#current === connecting) this.#current = undefined;
    };
    connecting.then(
      (connected) => connected.once("close", forget),
      (thrown) => {
        if (!(thrown instanceof TurntableError && thrown.code === "host.key-mismatch")) forget();
      },
    );
    return connecting;
  }

  /** Undefined if it is full. */
  async open(): Promise<Channel | undefined> {
    if (this.#sessions >= this.#most) return undefined;
    const client = await this.client();
    this.#sessions += 1;
    try {
      const channel = await execBootstrap(client);
      void channel.ended.then(() => this.#end());
      return channel;
    } catch (thrown) {
      this.#end();
      // A connection that carries none at all is not full.
      if (!isFull(thrown) || this.#sessions === 0) throw thrown;
      this.#most = this.#sessions;
      return undefined;
    }
  }

  #end(): void {
    this.#sessions -= 1;
  }

  async close(): Promise<void> {
    const connected = await this.#current?.catch(() => undefined);
    connected?.end();
  }
}

/**
 * Connects to a host by ssh and returns it. One TCP connection serves all calls, and as many more as the host's sshd
 * wants for the sessions open at once; one that is lost is made anew by the next call.
 * Rejects with host.key-mismatch (never tried again), host.unreachable or credentials.missing.
 */
export async function connectSsh(record: HostRecord, auth: SshAuth): Promise<Host> {
  const first = new Line(record, auth);
  const lines = [first];

  async function openChannel(): Promise<Channel> {
    try {
      for (let index = 0; ; index++) {
        const line = lines[index] ?? new Line(record, auth);
        lines[index] = line;
        const channel = await line.open();
        if (channel) return channel;
      }
    } catch (thrown) {
      if (thrown instanceof TurntableError) throw thrown;
      throw new TurntableError("host.unreachable", `${placeOf(record)} starts no program: ${reasonOf(thrown)}`, {
        retry: "safe",
        next: "Check that its sshd allows commands, then run pulumi up again",
        cause: thrown,
      });
    }
  }

  const transport: Transport = {
    name: placeOf(record),
    open: openChannel,
    connect: async (socketPath) => forwardUnix(await first.client(), socketPath),
    close: async () => {
      await Promise.all(lines.map((line) => line.close()));
    },
  };
  await first.client();
  return hostOver(transport);
}
