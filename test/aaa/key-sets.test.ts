import { type CryptoKey, decodeJwt, GeneralSign } from "jose";
import { afterEach, expect, test, vi } from "vitest";
import { ALGORITHM, importPublicKey } from "../../provider/aaa/keys.ts";
import { type OwnKey, readKeys } from "../../provider/domain/keys/key-file.ts";
import { keysIn, signKeySet } from "../../provider/domain/keys/signed-key-set.ts";
import { makeKey } from "../domain/testbed.ts";

const SAN = "san.example";
const aKey = async (): Promise<OwnKey> => (await readKeys((await makeKey(SAN)).key, SAN))[0];
const publicOf = async (...keys: readonly OwnKey[]): Promise<readonly CryptoKey[]> =>
  await Promise.all(keys.map(({ publicJwk }) => importPublicKey(publicJwk, SAN)));
const namesIn = async (...args: Parameters<typeof keysIn>) => (await keysIn(...args))?.map(({ kid }) => kid);

afterEach(() => void vi.useRealTimers());

test("a key set is believed by whoever believes one of the keys in it, and then brings the others", async () => {
  const [old, next, stranger] = [await aKey(), await aKey(), await aKey()];
  const set = await signKeySet(SAN, { all: [next, old] });
  for (const known of [[old], [next], [stranger, old]]) {
    expect(await namesIn(set, SAN, await publicOf(...known))).toEqual([next.kid, old.kid]);
  }
  expect(await keysIn(set, SAN, await publicOf(stranger))).toBeUndefined();
  expect(await keysIn(set, SAN, [])).toBeUndefined();
});

test("a set with somebody's known key in it, which that key did not sign, is worth nothing", async () => {
  const [known, thief] = [await aKey(), await aKey()];
  const genuine = await signKeySet(SAN, { all: [known] });
  const theirs = await signKeySet(SAN, { all: [thief] });
  const forged = { payload: theirs.payload, signatures: [...genuine.signatures, ...theirs.signatures] };
  expect(await keysIn(forged, SAN, await publicOf(known))).toBeUndefined();
});

test("a set of another domain's, or one of earlier, is not taken", async () => {
  const key = await aKey();
  const believed = await publicOf(key);
  const set = await signKeySet(SAN, { all: [key] });
  expect(await keysIn(set, "ams.example", believed)).toBeUndefined();
  vi.useFakeTimers({ now: Date.now() + 70_000, toFake: ["Date"] });
  expect(await keysIn(set, SAN, believed)).toBeUndefined();
});

test("what a key has signed for another purpose is no key set", async () => {
  const key = await aKey();
  const set = await signKeySet(SAN, { all: [key] });
  const said = decodeJwt(`e30.${set.payload}.`);
  const sign = new GeneralSign(new TextEncoder().encode(JSON.stringify(said)));
  sign.addSignature(key.key).setProtectedHeader({ alg: ALGORITHM, typ: "at+jwt" });
  const { signatures, payload } = await sign.sign();
  const other = { payload, signatures: signatures.map((one) => ({ protected: "", ...one })) };
  expect(await keysIn(other, SAN, await publicOf(key))).toBeUndefined();
});
