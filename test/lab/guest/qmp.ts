import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

type Answer = (message: string) => void;

/** QEMU's monitor, as far as stopping and resuming a guest needs it. */
export class Monitor {
  readonly #socket: Socket;
  readonly #waiting: Answer[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    createInterface({ input: socket }).on("line", (line) => {
      if (line.includes('"return"') || line.includes('"error"')) this.#waiting.shift()?.(line);
    });
  }

  /** Waits for the socket to appear, for at most 5 s. */
  static async open(path: string): Promise<Monitor> {
    for (let tries = 0; ; tries++) {
      const socket = connect(path);
      try {
        await once(socket, "connect");
        const monitor = new Monitor(socket);
        await monitor.execute("qmp_capabilities");
        return monitor;
      } catch (error) {
        socket.destroy();
        if (tries === 50) throw error;
        await sleep(100);
      }
    }
  }

  async execute(command: string, given: object = {}): Promise<void> {
    const answer = await new Promise<string>((resolve) => {
      this.#waiting.push(resolve);
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: given })}\n`);
    });
    if (answer.includes('"error"')) throw new Error(`${command}: ${answer}`);
  }

  close(): void {
    this.#socket.destroy();
  }
}
