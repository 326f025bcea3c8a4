import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { readEnvelope, writeEnvelope } from "../../../provider/lightpath/nsi/wire/envelope.ts";
import { exceptionIn } from "../../../provider/lightpath/nsi/wire/exception.ts";
import { type Recording, recordingsOf, SERVERS } from "./recordings.ts";

/** Canonical XML (C14N 2.0) of each, by another program's parser: prefixes named by their order, no blanks between elements. */
function canonical(documents: readonly string[]): readonly string[] {
  const program = `import json, sys, xml.etree.ElementTree as tree
print(json.dumps([tree.canonicalize(one, strip_text=True, rewrite_prefixes=True) for one in json.load(sys.stdin)]))`;
  const input = JSON.stringify(documents);
  const all: unknown = JSON.parse(execFileSync("python3", ["-c", program], { input, maxBuffer: 2 ** 26 }).toString());
  if (Array.isArray(all)) return all.map(String);
  throw new TypeError("no list of documents");
}

const said = ({ body }: Recording) => readEnvelope(body).message;

describe.each(SERVERS)("what %s said and was told", (server) => {
  const recordings = recordingsOf(server);

  it("is read, every message of it, as the operation that it was sent as", () => {
    expect(recordings.length).toBeGreaterThanOrEqual(22);
    for (const one of recordings.filter(({ action }) => action !== undefined)) {
      expect(said(one).operation, one.name).toBe(`types:${one.action}`);
    }
    for (const one of recordings.filter(({ status }) => status >= 400)) {
      expect(said(one).operation, one.name).toBe("soap:Fault");
    }
  });

  it("is written again so that nobody could tell the two apart", () => {
    const theirs = canonical(recordings.map(({ body }) => body));
    const ours = canonical(recordings.map(({ body }) => writeEnvelope(readEnvelope(body))));
    recordings.forEach(({ name }, index) => {
      expect(ours[index], name).toBe(theirs[index]);
    });
  });
});

describe("what was recorded", () => {
  const faultOf = (server: (typeof SERVERS)[number], number: string) => {
    const one = recordingsOf(server).find(({ name }) => name.startsWith(`${number}-`));
    const message = one === undefined ? undefined : said(one);
    if (message?.operation !== "soap:Fault") throw new Error(`${server} ${number} is no fault`);
    return exceptionIn(message.content);
  };

  it("tells why something was refused, whichever namespace the reason is in", () => {
    expect(faultOf("opennsa", "46")).toMatchObject({
      errorId: "00704",
      nsaId: "urn:ogf:network:spike.example:2026:nsa",
    });
    expect(faultOf("opennsa", "66")).toMatchObject({ errorId: "00203", connectionId: "nope" });
    expect(faultOf("supa-polynsi", "58")).toMatchObject({
      errorId: "00201",
      text: expect.stringMatching(/^INVALID_TRANS/),
    });
  });

  it("holds what others contribute to a connection over two domains, two levels deep", () => {
    const one = recordingsOf("opennsa-multidomain").find(({ name }) =>
      name.includes("cb-queryRecursiveConfirmed-request"),
    );
    const message = one && said(one);
    if (message?.operation !== "types:queryRecursiveConfirmed") throw new Error("it is not there");
    const [criteria] = message.content.reservation?.[0]?.criteria ?? [];
    const children = criteria?.children ? criteria.children.child : undefined;
    expect(children?.map(({ providerNSA }) => providerNSA)).toEqual([
      "urn:ogf:network:ana.example:2026:nsa",
      "urn:ogf:network:bob.example:2026:nsa",
    ]);
    expect(children?.[1]?.criteria?.[0]?.["p2p:p2ps"]).toMatchObject({
      capacity: 500,
      directionality: "Bidirectional",
    });
  });
});
