import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { agentPiece } from "../../../examples/lab/agents.ts";
import { ensure } from "../../../examples/lab/piece.ts";
import { DracLightpath } from "../../../provider/lightpath/drac/client.ts";
import { changeAgent, kill } from "../../e2e/breakage.ts";
import { journalAt, nothingToMend, type Setting } from "../scene.ts";
import type { Fault } from "./fault.ts";

/** The domain that was asked for the path, and that alone can be asked to take it back. */
export const domainAgentDown: Fault = {
  async inject({ here, from }) {
    await kill(here, `agent-${from}`);
    return async () => void (await ensure(agentPiece(here.lab, from)));
  },
};

/** Less than a path takes to be lit, as the controller reckons: it does not begin. */
const TOO_SHORT_SECONDS = 3;
/** Enough to light a path, not to copy memory. */
const SHORT_SECONDS = 7;

/** The home domain's tokens run out sooner than the move is over. */
export const tokenExpired: Fault = {
  async prepare({ here, from }, moment) {
    const tokenSeconds = moment === "before copy" ? TOO_SHORT_SECONDS : SHORT_SECONDS;
    await changeAgent(here, from, (config) => ({ ...config, tokenSeconds }));
    return async () => void (await ensure(agentPiece(here.lab, from)));
  },
  overdue: expired,
  early: ["before copy"],
  async inject() {
    return nothingToMend;
  },
};

/** Until the token of the move under way has run out. */
async function expired(setting: Setting): Promise<void> {
  const journals = [await journalAt(setting, setting.from), await journalAt(setting, setting.to)];
  const stages = journals.find((one) => one !== undefined)?.stages ?? [];
  const minted = stages.find(({ stage, state }) => stage === "authorize" && state === "done");
  if (minted === undefined) throw new Error("no token was minted");
  await sleep(Math.max(0, Date.parse(minted.at) + SHORT_SECONDS * 1_000 - Date.now()));
}

/** The path's domains end the reservation, as they do at the end of its window: every switch is taken apart. */
export const reservationEnded: Fault = {
  async inject(scene) {
    const { inventory } = scene.here;
    const { callerId: id, callerKeyFile } = inventory.credentials;
    const { borrowed } = (await journalAt(scene, scene.from)) ?? (await journalAt(scene, scene.to)) ?? {};
    if (borrowed?.connection === undefined) throw new Error("the journal names no reservation");
    const home = inventory.sites[scene.from].domain;
    const lightpath = new DracLightpath(home, { id, key: await readFile(callerKeyFile, "utf8") });
    await lightpath.terminate(borrowed.connection).finally(() => lightpath.close());
    return nothingToMend;
  },
};
