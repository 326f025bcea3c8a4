import type { Duplex, Readable, Writable } from "node:stream";

/** The exit status of a program whose connection was lost. */
export const LOST = 255;

/** A running bootstrap: its streams and its end. */
export interface Channel {
  readonly input: Writable;
  readonly output: Readable;
  readonly errors: Readable;
  /** Exit status, 128 + signal, or LOST if the connection was lost. Never rejects. */
  readonly ended: Promise<number>;
}

/** How a host is reached; everything else about a `Host` is the same however that is. */
export interface Transport {
  /** For messages: "san (127.0.0.1:2202)". */
  readonly name: string;
  /** Starts the bootstrap. Rejects with host.unreachable or host.key-mismatch. */
  open(): Promise<Channel>;
  /** Connects to a unix socket of the host. */
  connect(socketPath: string): Promise<Duplex>;
  /** Cuts all channels. */
  close(): Promise<void>;
}
