import { DatabaseSync, StatementSync } from "node:sqlite";

/**
 * Loaded into an agent (`node --import`) to have it killed at one of its steps: `DIES_AT="before 3"` is before the third
 * write about a connection is made, "after 3" when it is on disk. What it does between its writes is before the next one.
 */
const [moment = "", step = ""] = (process.env.DIES_AT ?? "").split(" ");
const ABOUT_CONNECTIONS = /^(INSERT|UPDATE|DELETE)\b.*\b(connections|segments|riders|requests)\b/;

const texts = new WeakMap<object, string>();
let writes = 0;

DatabaseSync.prototype.prepare = new Proxy(DatabaseSync.prototype.prepare, {
  apply: (prepare, database, values: Parameters<DatabaseSync["prepare"]>) => {
    const statement = Reflect.apply(prepare, database, values);
    texts.set(statement, values[0]);
    return statement;
  },
});

StatementSync.prototype.run = new Proxy(StatementSync.prototype.run, {
  apply: (run, statement, values) => {
    const counts = ABOUT_CONNECTIONS.test(texts.get(statement) ?? "");
    const isNow = counts && ++writes === Number(step);
    if (isNow && moment === "before") process.kill(process.pid, "SIGKILL");
    const outcome = Reflect.apply(run, statement, values);
    if (isNow && moment === "after") process.kill(process.pid, "SIGKILL");
    return outcome;
  },
});
