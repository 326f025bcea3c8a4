import type { DatabaseSync } from "node:sqlite";
import { type Adapter, type AdapterPayload, errors } from "oidc-provider";
import { z } from "zod";

const row = z.object({ payload: z.string() });

/** By what something is found, in SQL. */
type Key = "id" | "json_extract(payload, '$.uid')" | "json_extract(payload, '$.userCode')";

/** What is used once: a second one of the same name is a replay, even if both come at the same moment. */
const ONCE = "ReplayDetection";

/** Keeps what the authorization server must remember in the domain's store, so that a restart forgives no replay. */
export class StoreAdapter implements Adapter {
  readonly #database: DatabaseSync;
  readonly #model: string;

  constructor(database: DatabaseSync, model: string) {
    this.#database = database;
    this.#model = model;
  }

  /** Rejects with invalid_client if it may be there once and is there already. */
  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    const nowMs = Date.now();
    this.#database.prepare("DELETE FROM oauth WHERE expires < ?").run(nowMs);
    const then = this.#model === ONCE ? "NOTHING" : "UPDATE SET payload = excluded.payload, expires = excluded.expires";
    const insert = `INSERT INTO oauth VALUES (?, ?, ?, ?) ON CONFLICT (model, id) DO ${then}`;
    const expires = nowMs + expiresIn * 1_000;
    const { changes } = this.#database.prepare(insert).run(this.#model, id, JSON.stringify(payload), expires);
    if (changes === 0) throw new errors.InvalidClientAuth("it must only be used once");
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.#findBy("id", id);
  }

  async destroy(id: string): Promise<void> {
    this.#database.prepare("DELETE FROM oauth WHERE model = ? AND id = ?").run(this.#model, id);
  }

  async consume(id: string): Promise<void> {
    const update = "UPDATE oauth SET payload = json_set(payload, '$.consumed', ?) WHERE model = ? AND id = ?";
    this.#database.prepare(update).run(Math.floor(Date.now() / 1_000), this.#model, id);
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#findBy("json_extract(payload, '$.uid')", uid);
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.#findBy("json_extract(payload, '$.userCode')", userCode);
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    const remove = "DELETE FROM oauth WHERE model = ? AND json_extract(payload, '$.grantId') = ?";
    this.#database.prepare(remove).run(this.#model, grantId);
  }

  #findBy(key: Key, value: string): AdapterPayload | undefined {
    const select = `SELECT payload FROM oauth WHERE model = ? AND ${key} = ? AND expires >= ?`;
    const found = this.#database.prepare(select).get(this.#model, value, Date.now());
    return found === undefined ? undefined : z.looseObject({}).parse(JSON.parse(row.parse(found).payload));
  }
}
