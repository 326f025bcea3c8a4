import type { Duplex } from "node:stream";

/** How a finished command ended. `code` is the exit status, or 128 + the signal that ended it. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Written to the command's standard input, which is then closed. */
  readonly input?: string;
  /** The command is killed, and the call rejects, after this long. Default 30,000. */
  readonly timeoutMs?: number;
  /** Resolve with a non-zero code instead of rejecting. */
  readonly allowFailure?: boolean;
}

/**
 * A Python program running beside something at a host: one JSON object a line, both ways.
 * It ends when its standard input closes, so that it cannot outlive the connection unless it chose to.
 */
export interface Pilot {
  send(message: object): void;
  /** Each parsed line of standard output, in order. Ends when the program does. */
  readonly messages: AsyncIterable<unknown>;
  /** Exit code, and what it wrote to standard error. Never rejects. */
  readonly ended: Promise<CommandResult>;
  close(): void;
}

/**
 * A machine at a site, reached by ssh (adapter `ssh.ts`) or on this machine (`local.ts`).
 * No method builds a shell line: arguments travel as JSON to a constant program.
 * Rejections are TurntableError: host.unreachable, host.key-mismatch, host.command-failed.
 */
export interface Host {
  /** For messages: "san (127.0.0.1:2202)". */
  readonly name: string;
  run(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Starts a command that outlives the connection (own session, no terminal); resolves with its pid. */
  launch(argv: readonly string[], options: { readonly logFile: string }): Promise<number>;
  /** Undefined if there is no such file. */
  readFile(path: string): Promise<string | undefined>;
  /** Atomic: temporary file, fsync, rename, fsync of the folder. Makes the folder (0700). `mode` default 0o600. */
  writeFile(path: string, content: string, mode?: number): Promise<void>;
  /** Removes a file or a folder with all it holds; what is not there is fine. */
  remove(path: string): Promise<void>;
  /** Names in a folder; an absent folder is empty. */
  list(path: string): Promise<readonly string[]>;
  /** Connects to a unix socket of the host. */
  connect(socketPath: string): Promise<Duplex>;
  /** Runs a Python 3 program (stdlib only) whose source is sent over the connection; `parameters` is its first input line. */
  pilot(source: string, parameters: object): Promise<Pilot>;
  close(): Promise<void>;
}
