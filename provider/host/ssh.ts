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

/**
 * Connects to a host by ssh and returns it. One TCP connection serves all calls; if it is lost, the next call makes a new one.
 * Rejects with host.key-mismatch (never tried again), host.unreachable or credentials.missing.
 */
export async function connectSsh(record: HostRecord, auth: SshAuth): Promise<Host> {
  let current: Promise<Client> | undefined;

  function client(): Promise<Client> {
    if (current) return current;
    const connecting = connectClient(record, auth);
    current = connecting;
    const forget = () => {
      if (current === connecting) current = undefined;
    };
    connecting.then(
      (connected) => connected.once("close", forget),
      (thrown) => {
        if (!(thrown instanceof TurntableError && thrown.code === "host.key-mismatch")) forget();
      },
    );
    return connecting;
  }

  async function openChannel(): Promise<Channel> {
    try {
      return await execBootstrap(await client());
    } catch (thrown) {
      if (thrown instanceof TurntableError) throw thrown;
      throw new TurntableError("host.unreachable", `${placeOf(record)} starts no program: ${reasonOf(thrown)}`, {
        retry: "safe",
        next: "Check that its sshd allows commands and enough sessions, then run pulumi up again",
        cause: thrown,
      });
    }
  }

  const transport: Transport = {
    name: placeOf(record),
    open: openChannel,
    connect: async (socketPath) => forwardUnix(await client(), socketPath),
    close: async () => {
      const connected = await current?.catch(() => undefined);
      connected?.end();
    },
  };
  await client();
  return hostOver(transport);
}
