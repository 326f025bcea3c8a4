import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { z } from "zod";
import { TurntableError } from "../../errors.ts";

const message = z.union([
  z.object({ QMP: z.looseObject({}) }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }), id: z.number() }),
  z.object({ return: z.unknown(), id: z.number() }),
  z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) }),
]);

/** A monitor serves one client; a second one's greeting never comes. */
const OPEN_TIMEOUT_MS = 5_000;

/** An event of QEMU's: its name and its data. */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Pending {
  resolve(value: unknown): void;
  reject(reason: Error): void;
}

/**
 * A QEMU monitor over any stream, after its handshake (QEMU docs, interop/qmp-spec).
 * Commands may overlap; each is answered by its own id.
 */
export class Qmp {
  readonly #stream: Duplex;
  readonly #name: string;
  readonly #pending = new Map<number, Pending>();
  readonly #events = new EventEmitter();
  #nextId = 1;
  #closed: Error | undefined;

  private constructor(stream: Duplex, name: string) {
    this.#stream = stream;
    this.#name = name;
    const close = () => this.#close(new Error(`the monitor of ${name} closed`));
    // readline passes its input's errors on, and an error nobody hears ends the process.
    createInterface({ input: stream })
      .on("line", (line) => this.#receive(line))
      .on("error", close);
    stream.on("close", close).on("end", close).on("error", close);
  }

  /** `name` is for messages: "turntable-vm at ams". */
  static async open(stream: Duplex, name: string): Promise<Qmp> {
    const qmp = new Qmp(stream, name);
    const busy = setTimeout(() => qmp.#close(new Error("it answers somebody else")), OPEN_TIMEOUT_MS);
    try {
      await qmp.execute("qmp_capabilities");
    } catch (thrown) {
      qmp.close();
      throw thrown;
    } finally {
      clearTimeout(busy);
    }
    return qmp;
  }

  /** Resolves with what the command returned; rejects with hypervisor.failed (QEMU's words) or when the monitor closes. */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#closed) throw this.#failed(command, this.#closed.message);
    const id = this.#nextId++;
    const answer = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    this.#stream.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    try {
      return await answer;
    } catch (thrown) {
      throw this.#failed(command, thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  /** As execute, for a command that answers with data of a known shape. */
  async query<T>(command: string, shape: z.ZodType<T>, args: Readonly<Record<string, unknown>> = {}): Promise<T> {
    return shape.parse(await this.execute(command, args));
  }

  /** Calls the listener for each event, until the returned function is called. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#events.on("event", listener);
    return () => this.#events.off("event", listener);
  }

  /** Resolves when the monitor has closed, however that came. */
  async closed(): Promise<void> {
    if (!this.#closed) await once(this.#events, "closed");
  }

  close(): void {
    this.#stream.end();
    this.#stream.destroy();
  }

  #receive(line: string): void {
    const parsed = message.safeParse(parsedJson(line));
    if (!parsed.success || "QMP" in parsed.data) return;
    const answer = parsed.data;
    if ("event" in answer) {
      this.#events.emit("event", { event: answer.event, data: answer.data });
      return;
    }
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ("error" in answer) pending?.reject(new Error(answer.error.desc));
    else pending?.resolve(answer.return);
  }

  #close(reason: Error): void {
    if (this.#closed) return;
    this.#closed = reason;
    for (const pending of this.#pending.values()) pending.reject(reason);
    this.#pending.clear();
    this.#events.emit("closed");
  }

  #failed(command: string, reason: string): TurntableError {
    return new TurntableError("hypervisor.failed", `QEMU of ${this.#name} refused ${command}: ${reason}`, {
      retry: "safe",
      next: "See qemu.log beside the VM's files at that host.",
    });
  }
}

/** A line cut off by the end of the connection is no message. */
function parsedJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
