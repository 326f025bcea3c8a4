import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MalformedXml, readXml, writeXml, type XmlRecord } from "../../../provider/lightpath/nsi/wire/xml.ts";

/** As long as the longest message that is read. */
const BODY_BYTES = 64 * 1_024;

/** What costs a careless parser time or memory beyond all proportion to its length. */
const fill = (unit: string): string => unit.repeat(Math.floor((BODY_BYTES - 64) / unit.length));
const numbered = (unit: (index: number) => string): string => Array.from({ length: 2_500 }, (_, i) => unit(i)).join("");
const COSTLY: Readonly<Record<string, string>> = {
  "elements within elements": fill("<a>"),
  "no end of a tag": fill("<"),
  "no end of a tag but the last": `${fill("<")}>`,
  "beginnings of comments": fill("<!--"),
  "beginnings of comments and one end": `${fill("<!--")}-->`,
  "beginnings of CDATA": `<a>${fill("<![CDATA[")}]]></a>`,
  "tags in a tag": `${fill("<a ")}/>`,
  "blanks in a tag": `<a${fill(" ")}b/>`,
  "blanks in an element": `<a>${fill(" ")}</a>`,
  ampersands: `<a>${fill("&")}</a>`,
  "entities in text": `<a>${fill("&amp;")}</a>`,
  "entities in an attribute": `<a b="${fill("&lt;")}"/>`,
  attributes: `<a ${numbered((i) => `a${i}="" `)}/>`,
  "declarations of namespaces": `<a ${numbered((i) => `xmlns:n${i}="u${i}" `)}/>`,
  "elements side by side": `<a>${fill("<b/>")}</a>`,
  "elements side by side, each with a namespace": `<a>${numbered((i) => `<b xmlns:n${i}="u"/>`)}</a>`,
};

describe("XML of a stranger", () => {
  it("has no entity expanded, let alone fetched: a document that declares any is none", () => {
    const external = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>';
    const remote = '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>';
    const parameter = '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]><a/>';
    const laughs = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`);
    const billion = `<!DOCTYPE a [<!ENTITY l0 "lol">${laughs.join("")}]><a>&l9;</a>`;
    for (const attack of [external, remote, parameter, billion]) {
      for (const text of [attack, attack.replace("DOCTYPE", "doctype"), `<?xml version="1.0"?>\n${attack}`]) {
        expect(() => readXml(text)).toThrow(/declares a document type/);
      }
    }
    expect(() => readXml("<a>&x;</a>")).toThrow(/entity not found/);
    expect(readXml("<a>&lt;&#x41;&amp;</a>").content).toBe("<A&");
  });

  it.each(Object.entries(COSTLY))("costs no more time than it is long: %s", (_, text) => {
    expect(text.length).toBeLessThan(2 * BODY_BYTES);
    const beganMs = performance.now();
    try {
      readXml(text);
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(MalformedXml);
    }
    expect(performance.now() - beganMs).toBeLessThan(5_000);
  });

  it("is told apart from what is no XML, or no message", () => {
    const faulty = ["", "x", "<a>", "<a></b>", "<a/><b/>", "<a b=c/>", "<a b='1' b='2'/>", "<n:a/>", "<a><?p q?></a>"];
    for (const text of [...faulty, "<a>text<b/></a>", "<a", "\u0000<a/>"]) {
      expect(() => readXml(text), text).toThrow(MalformedXml);
    }
    expect(() => readXml(`${"<a>".repeat(49)}${"</a>".repeat(49)}`)).toThrow(/nested more than 48/);
  });

  it("never fails otherwise, whatever it is", () => {
    const piece = fc.constantFrom(
      "<",
      ">",
      "/",
      "a",
      "xmlns",
      ":",
      "=",
      '"',
      "'",
      "&",
      ";",
      "#",
      "!",
      "[",
      "]",
      "-",
      "?",
      " ",
    );
    const soup = fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 60 }).map((all) => all.join(""));
    fc.assert(
      fc.property(soup, (text) => {
        try {
          expect(readXml(text).root).toBeTypeOf("string");
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(MalformedXml);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it("reads the same whatever prefixes it uses, and leaves out what others add to it", () => {
    const p2p = "http://schemas.ogf.org/nsi/2013/12/services/point2point";
    const expected = { root: "p2p:p2ps", content: { "@order": "1", capacity: "5" } };
    expect(readXml(`<x:p2ps xmlns:x="${p2p}" order="1"><capacity>5</capacity></x:p2ps>`)).toEqual(expected);
    const extended = `<p2ps xmlns="${p2p}" order="1" xmlns:o="urn:o" o:n="2"><capacity xmlns="">5</capacity><o:q>7</o:q></p2ps>`;
    expect(readXml(extended)).toEqual(expected);
    expect(readXml('<p2ps xmlns="urn:other"/>').root).toBe("p2ps");
  });
});

describe("XML of our own", () => {
  const text = fc.string({ unit: "binary", minLength: 1, maxLength: 20 }).filter((one) => one.trim() !== "");
  const name = fc.constantFrom("criteria", "p2p:p2ps", "types:reserve", "children", "headers:nsiHeader");
  const { record } = fc.letrec<{ record: XmlRecord; value: string | XmlRecord }>((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, text, tie("record")),
    record: fc.dictionary(name, fc.oneof(tie("value"), fc.array(tie("value"), { minLength: 2, maxLength: 3 })), {
      minKeys: 1,
      maxKeys: 4,
    }),
  }));

  it("is read as it was meant, and what XML cannot hold is replaced", () => {
    expect(readXml(writeXml({ root: "a", content: "x\u0000y\uD800z" })).content).toBe("x\uFFFDy\uFFFDz");
    const odd = { b: "</b>]]>&<!DOC", "@c": "\"'<" };
    expect(readXml(writeXml({ root: "a", content: odd }))).toEqual({ root: "a", content: odd });
    const legal = (value: unknown): boolean =>
      !/[^\t\n\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(JSON.stringify(value));
    fc.assert(
      fc.property(record, (content) => {
        fc.pre(legal(content) && !JSON.stringify(content).includes("\\"));
        const written = writeXml({ root: "types:reserve", content });
        expect(readXml(written)).toEqual({ root: "types:reserve", content: { ...content } });
      }),
    );
  });
});
