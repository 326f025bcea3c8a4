import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { TurntableError } from "../errors.ts";
import { atOnce } from "./at-once.ts";

/** What each version added. Times are ms since 1970; bodies are JSON. */
const SCHEMAS = [
  `
  CREATE TABLE spent_assertions (issuer TEXT, jti TEXT, expires INTEGER NOT NULL, PRIMARY KEY (issuer, jti)) WITHOUT ROWID;
  CREATE TABLE grants (id TEXT PRIMARY KEY, subject TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE revocations (home TEXT, grant_id TEXT, PRIMARY KEY (home, grant_id)) WITHOUT ROWID;
  CREATE TABLE segments (
    coordinator TEXT, id TEXT, state TEXT NOT NULL, mbps REAL NOT NULL, mtu INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, hold_expires INTEGER NOT NULL,
    scope TEXT NOT NULL, in_port TEXT NOT NULL, in_channel INTEGER NOT NULL, out_port TEXT NOT NULL, out_channel INTEGER NOT NULL,
    PRIMARY KEY (coordinator, id)
  ) WITHOUT ROWID;
  CREATE INDEX segments_in ON segments (in_port, "end");
  CREATE INDEX segments_out ON segments (out_port, "end");
  CREATE TABLE connections (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, state TEXT NOT NULL, intent TEXT, hold_expires INTEGER NOT NULL, body TEXT NOT NULL
  ) WITHOUT ROWID;
`,
  `
  CREATE TABLE riders (connection TEXT, vm TEXT, until INTEGER NOT NULL, PRIMARY KEY (connection, vm)) WITHOUT ROWID;
  CREATE TABLE rides (
    home TEXT, token TEXT, coordinator TEXT NOT NULL, id TEXT NOT NULL, vm TEXT NOT NULL,
    grant_id TEXT NOT NULL, until INTEGER NOT NULL, ended INTEGER NOT NULL, PRIMARY KEY (home, token)
  ) WITHOUT ROWID;
  CREATE INDEX rides_by_segment ON rides (coordinator, id);
`,
  `
  CREATE TABLE modifications (
    connection TEXT, request TEXT, vm TEXT NOT NULL, mbps REAL NOT NULL, "end" INTEGER NOT NULL, phase TEXT NOT NULL,
    PRIMARY KEY (connection, request)
  ) WITHOUT ROWID;
  CREATE TABLE segment_versions (
    coordinator TEXT, id TEXT, request TEXT NOT NULL, version_grant TEXT NOT NULL, version_mbps REAL NOT NULL,
    version_end INTEGER NOT NULL, version_phase TEXT NOT NULL, version_expires INTEGER NOT NULL,
    PRIMARY KEY (coordinator, id)
  ) WITHOUT ROWID;
`,
  `
  CREATE TABLE accounts (sequence INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, record TEXT);
  CREATE INDEX accounts_unsealed ON accounts (sequence) WHERE record IS NULL;
  CREATE TABLE uses (coordinator TEXT, id TEXT, since INTEGER NOT NULL, bytes INTEGER, PRIMARY KEY (coordinator, id)) WITHOUT ROWID;
`,
  `
  CREATE TABLE commitments (
    action TEXT, home TEXT, grant_id TEXT, subject TEXT NOT NULL, mbps REAL NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    PRIMARY KEY (action, home, grant_id)
  ) WITHOUT ROWID;
  CREATE INDEX commitments_by_subject ON commitments (action, home, subject, "end", start, mbps);
`,
  `
  CREATE TABLE topologies (
    domain TEXT PRIMARY KEY, version INTEGER NOT NULL, expires INTEGER NOT NULL, body TEXT NOT NULL, document TEXT NOT NULL
  ) WITHOUT ROWID;
`,
  `
  CREATE TABLE token_uses (
    home TEXT, token TEXT, coordinator TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (home, token)
  ) WITHOUT ROWID;
`,
  `
  CREATE TABLE requests (
    owner TEXT, request TEXT, connection TEXT NOT NULL, wish TEXT NOT NULL, PRIMARY KEY (owner, request)
  ) WITHOUT ROWID;
`,
  `
  CREATE TABLE notices (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, connection TEXT NOT NULL, what TEXT NOT NULL, at INTEGER NOT NULL
  );
  CREATE INDEX notices_by_owner ON notices (owner, sequence);
`,
  `
  CREATE TABLE nsi_connections (
    id TEXT PRIMARY KEY, requester TEXT NOT NULL, connection TEXT, grant_id TEXT, grant_jwt TEXT, committed INTEGER NOT NULL,
    reservation TEXT NOT NULL, provision TEXT NOT NULL, lifecycle TEXT NOT NULL, active INTEGER NOT NULL,
    notifications INTEGER NOT NULL, results INTEGER NOT NULL, asked TEXT NOT NULL, body TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX nsi_connections_by_requester ON nsi_connections (requester);
`,
  `
  CREATE TABLE published_keys (domain TEXT, kid TEXT, x TEXT NOT NULL, published INTEGER NOT NULL, PRIMARY KEY (domain, kid)) WITHOUT ROWID;
  CREATE TABLE revoked_tokens (home TEXT, grant_id TEXT, token TEXT, PRIMARY KEY (home, grant_id, token)) WITHOUT ROWID;
  CREATE TABLE untold_revocations (
    peer TEXT, grant_id TEXT, token TEXT, until INTEGER NOT NULL, PRIMARY KEY (peer, grant_id, token)
  ) WITHOUT ROWID;
  CREATE TABLE oauth (model TEXT, id TEXT, payload TEXT NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (model, id)) WITHOUT ROWID;
`,
  `
  ALTER TABLE token_uses ADD COLUMN vm TEXT NOT NULL DEFAULT '';
  ALTER TABLE token_uses ADD COLUMN epoch INTEGER;
  ALTER TABLE token_uses ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX token_uses_by_connection ON token_uses (coordinator, id);
`,
  // What is over is kept for ever, and what is looked for again and again is what is not.
  `
  CREATE INDEX segments_by_state ON segments (state);
  CREATE INDEX rides_by_grant ON rides (grant_id) WHERE ended = 0;
  CREATE INDEX connections_by_owner ON connections (owner);
  CREATE INDEX connections_open ON connections (id) WHERE intent IS NOT NULL OR state NOT IN ('terminated', 'timed-out');
  CREATE INDEX nsi_connections_open ON nsi_connections (id) WHERE
    lifecycle = 'Terminating' OR active = 1 OR (
      lifecycle = 'Created' AND NOT (committed = 0 AND reservation IN ('ReserveStart', 'ReserveFailed', 'ReserveTimeout')));
`,
] as const;
const VERSION = SCHEMAS.length;
const BUSY_TIMEOUT_MS = 2_000;
const AGAIN_MS = 10;

/** SQLite would make it readable for all; what it makes beside it gets the same mode. */
function keepPrivate(file: string): void {
  closeSync(openSync(file, "a", 0o600));
  chmodSync(file, 0o600);
}

/**
 * Opens the domain's store, 0600, and makes what is missing. `:memory:` keeps nothing.
 * Every change is on disk before it is answered for. Throws input.invalid if a newer version wrote it.
 */
export function openStore(file: string): DatabaseSync {
  if (file !== ":memory:") keepPrivate(file);
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.exec("PRAGMA synchronous = FULL");
    keepLog(database);
    // Another agent may be opening it too: what is missing is looked up and made in one transaction.
    atOnce(database, () => upgrade(database, file));
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/** SQLite waits for nobody while it changes the way of writing, which only the first to open a file does. */
function keepLog(database: DatabaseSync): void {
  const untilMs = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (thrown) {
      if (!isBusy(thrown) || performance.now() > untilMs) throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS);
    }
  }
}

/** SQLITE_BUSY, in the lowest byte of extended codes. */
function isBusy(thrown: unknown): boolean {
  return thrown instanceof Error && "errcode" in thrown && (Number(thrown.errcode) & 0xff) === 5;
}

function upgrade(database: DatabaseSync, file: string): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (version > VERSION) {
    throw new TurntableError("input.invalid", `the store ${file} has version ${version}, not ${VERSION}`, {
      retry: "never",
      next: "Run the agent's version that wrote it, or give it another file.",
    });
  }
  if (version < VERSION) database.exec(`${SCHEMAS.slice(version).join("")} PRAGMA user_version = ${VERSION};`);
}
