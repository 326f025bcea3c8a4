import type { Element, Joint, Terminal } from "../element/element.ts";
import type { Accounts } from "./ledger.ts";
import type { Uses } from "./uses.ts";

/** A switch whose uses are accounted for: since when each connection was lit, and what it carried until it was dark. */
export class Metered implements Element {
  readonly #element: Element;
  readonly #uses: Uses;
  readonly #accounts: Accounts;

  constructor(element: Element, uses: Uses, accounts: Accounts) {
    this.#element = element;
    this.#uses = uses;
    this.#accounts = accounts;
  }

  async join(joint: Joint): Promise<void> {
    await this.#element.join(joint);
    const { coordinator, connection } = joint;
    if (!this.#uses.begin(joint, await this.#element.carried(joint))) return;
    this.#accounts.note({ event: "lit", coordinator, connection });
  }

  async part(joint: Joint): Promise<void> {
    // Its devices may serve another connection the moment it is parted.
    const bytes = await this.#element.carried(joint);
    await this.#element.part(joint);
    const { coordinator, connection } = joint;
    const use = this.#uses.end(joint, bytes);
    if (use !== undefined) this.#accounts.note({ event: "dark", coordinator, connection, ...use });
  }

  async adjust(joint: Joint): Promise<void> {
    await this.#element.adjust(joint);
  }

  async restore(joints: readonly Joint[]): Promise<void> {
    await this.#element.restore(joints);
  }

  async carried(joint: Joint): Promise<number | undefined> {
    return await this.#element.carried(joint);
  }

  async dark(): Promise<readonly Terminal[]> {
    return await this.#element.dark();
  }
}
