import { reasonOf } from "../../errors.ts";
import { listen } from "../../lightpath/nsi/wire/listener.ts";
import type { Grants } from "../aaa/grants.ts";
import type { Ground } from "../aaa/half.ts";
import type { Tokens } from "../aaa/tokens.ts";
import type { Refusals } from "../accounting/refusals.ts";
import type { Coordinator } from "../drac/coordinator.ts";
import type { Loaded } from "../load.ts";
import { repeat } from "../repeat.ts";
import { Callbacks } from "./callbacks.ts";
import { Life } from "./life.ts";
import { Provider } from "./provider.ts";
import { Requesters } from "./requesters.ts";
import { Rights } from "./rights.ts";
import { NsiStore } from "./store.ts";
import { Voice } from "./voice.ts";

/** How late the beginning of a window, or the end of a hold, may be noticed. */
const TEND_INTERVAL_MS = 250;
/** The one path of the service. */
const PATH = "/nsi/connection/v2";

export interface NsiHalf {
  /** Answers what is under way, and ends. */
  close(): Promise<void>;
}

/** Path control as others drive it, by NSI. Undefined if the domain's configuration names no requesters. Rejects if it cannot listen. */
export async function nsiHalf(
  { log, database, config, signatures }: Ground,
  { tls, requesters: known }: Loaded,
  { grants, tokens }: { readonly grants: Grants; readonly tokens: Tokens },
  coordinator: Coordinator,
  refusals: Refusals,
): Promise<NsiHalf | undefined> {
  if (config.nsi === undefined) return undefined;
  const { nsa, vlans: labels, listen: at } = config.nsi;
  const requesters = new Requesters(known, nsa);
  const store = new NsiStore(database);
  const callbacks = new Callbacks(requesters, tls, log);
  const rights = new Rights(grants, tokens, signatures);
  const { holdSeconds, domain } = config;
  const voice = new Voice(nsa, store, callbacks);
  const life = new Life({ labels, store, rights, coordinator, voice, holdSeconds, log });
  const provider = new Provider({ labels, requesters, store, life, callbacks, log });
  await provider.recover();
  const listener = await listen({
    ...{ own: tls, ...at, path: PATH, nsa },
    knows: (fingerprint) => requesters.knows(fingerprint),
    answer: (envelope, fingerprint) => provider.answer(envelope, fingerprint),
    refused: (reason, fingerprint = "no certificate") => {
      log.info({ requester: fingerprint, reason }, "refused by NSI");
      const refusal = { error: "nsi.refused", domain, reason };
      refusals.note({ caller: fingerprint, asked: `POST ${PATH}`, refusal });
    },
  });
  const stop = repeat(
    () => provider.tend(),
    TEND_INTERVAL_MS,
    (thrown) => log.error({ reason: reasonOf(thrown) }, "housekeeping failed"),
  );
  return {
    close: async () => {
      await listener.close();
      await stop();
      await provider.close();
      await callbacks.close();
    },
  };
}
