import type { Server } from "../server.ts";
import type { OwnKeys } from "./own-keys.ts";
import { signedKeySet, signKeySet } from "./signed-key-set.ts";

/** The domain's keys, for its peers: who has believed one of them may believe the others. */
export function serveKeys(server: Server, domain: string, keys: OwnKeys): void {
  const summary = "The domain's keys, signed with each of them";
  const open = { schema: { summary, response: { 200: signedKeySet } }, config: { isPublic: true } };
  server.get("/aaa/signed-keys", open, async () => await signKeySet(domain, keys));
}
