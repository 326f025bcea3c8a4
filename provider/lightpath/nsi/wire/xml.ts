import { DOMImplementation, DOMParser, type Element, Node, XMLSerializer } from "@xmldom/xmldom";
import { reasonOf } from "../../../errors.ts";
import { NAMESPACES, namespaceOf, prefixOf } from "./namespaces.ts";

/**
 * The content of an element: its text, or its children and attributes by name. Names are `name` without a namespace,
 * `p2p:name` in one of those known, `@name` of an attribute; of several children of a name, all.
 */
export type XmlValue = string | XmlRecord | readonly XmlValue[];
export interface XmlRecord {
  readonly [name: string]: XmlValue | undefined;
}

/** A document: its root's name, and what is in it. */
export interface XmlDocument {
  readonly root: string;
  readonly content: XmlValue;
}

/** Text that is not the document expected. The message tells why. */
export class MalformedXml extends Error {
  override readonly name = "MalformedXml";
}

/** A chain of aggregators nests four elements a level. */
const MOST_LEVELS = 48;
/** Everything outside XML 1.0's Char. */
const NO_CHARACTERS = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/**
 * Reads a document. It declares no types and no entities, so there is nothing that could be expanded or fetched (SOAP 1.1,
 * section 3). Throws MalformedXml. The caller bounds the size.
 */
export function readXml(text: string): XmlDocument {
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw new MalformedXml("it declares a document type, which no message may");
  requireShallow(text);
  try {
    const root = new DOMParser({ onError: stop }).parseFromString(text, "text/xml").documentElement;
    if (root === null) throw new MalformedXml("it has no root element");
    return { root: nameOf(root) ?? root.tagName, content: contentOf(root) };
  } catch (thrown) {
    if (thrown instanceof MalformedXml) throw thrown;
    throw new MalformedXml(reasonOf(thrown), { cause: thrown });
  }
}

/** Writes a document; what XML cannot hold is replaced in its texts. Names are those of `readXml`. */
export function writeXml({ root, content }: XmlDocument): string {
  const [namespace, name] = qualified(root);
  const made = new DOMImplementation().createDocument(namespace, name, null);
  const element = made.documentElement;
  if (element === null) throw new TypeError(`no document can begin with ${root}`);
  // Once, at the root: otherwise the serializer declares them wherever they are used.
  for (const [prefix, uri] of Object.entries(NAMESPACES)) {
    element.setAttributeNS("http://www.w3.org/2000/xmlns/", `xmlns:${prefix}`, uri);
  }
  fill(element, content);
  return `<?xml version="1.0" encoding="UTF-8"?>${new XMLSerializer().serializeToString(made)}`;
}

/** What another reader would take for something else is an error; that somebody's text was garbled before is none. */
function stop(_level: string, message: string): void {
  if (!message.startsWith("Unicode replacement character")) throw new MalformedXml(message);
}

/** Before the parser builds it: what is nested beyond all reason costs it more than it costs the sender. */
function requireShallow(text: string): void {
  let level = 0;
  for (let open = text.indexOf("<"); open >= 0; ) {
    const close = text.indexOf(">", open);
    if (close < 0) throw new MalformedXml("it ends within a tag");
    const ends = text.startsWith("</", open);
    const opens = !ends && !text.startsWith("<?", open) && !text.startsWith("<!", open) && text[close - 1] !== "/";
    level += ends ? -1 : opens ? 1 : 0;
    if (level > MOST_LEVELS) throw new MalformedXml(`it is nested more than ${MOST_LEVELS} levels deep`);
    open = text.indexOf("<", close);
  }
}

function contentOf(element: Element): XmlValue {
  const children = [...element.childNodes].filter((node): node is Element => node.nodeType === Node.ELEMENT_NODE);
  const text = [...element.childNodes].map(textOf).join("");
  const entries = new Map<string, XmlValue[]>();
  const note = (name: string | undefined, value: XmlValue): void => {
    if (name === undefined) return;
    const there = entries.get(name);
    if (there === undefined) entries.set(name, [value]);
    else there.push(value);
  };
  for (const { namespaceURI, localName, value } of element.attributes) {
    note(attributeNameOf(namespaceURI, localName ?? ""), value);
  }
  for (const child of children) note(nameOf(child), contentOf(child));
  if (children.length === 0 && entries.size === 0) return text.trim() === "" ? "" : text;
  if (children.length > 0 && text.trim() !== "") throw new MalformedXml(`${element.tagName} mixes text and elements`);
  if (children.length === 0 && text.trim() !== "") note("#text", text);
  return Object.fromEntries([...entries].map(([name, all]) => [name, all.length === 1 ? (all[0] ?? "") : all]));
}

function textOf(node: Node): string {
  switch (node.nodeType) {
    case Node.TEXT_NODE:
    case Node.CDATA_SECTION_NODE:
      return node.nodeValue ?? "";
    case Node.ELEMENT_NODE:
    case Node.COMMENT_NODE:
      return "";
    default:
      throw new MalformedXml(`it holds a ${node.nodeName}, which no message may`);
  }
}

/** Undefined for what is in a namespace that no message of ours has: an extension of others. */
function nameOf({ namespaceURI, localName, tagName }: Element): string | undefined {
  const name = localName ?? tagName;
  if (namespaceURI === null || namespaceURI === "") return name;
  const prefix = prefixOf(namespaceURI);
  return prefix === undefined ? undefined : `${prefix}:${name}`;
}

function attributeNameOf(namespace: string | null, name: string): string | undefined {
  if (namespace === null || namespace === "") return `@${name}`;
  const prefix = prefixOf(namespace);
  return prefix === undefined ? undefined : `@${prefix}:${name}`;
}

function qualified(name: string): readonly [namespace: string | null, name: string] {
  const prefix = /^(\w+):/.exec(name)?.[1];
  if (prefix === undefined) return [null, name];
  const namespace = namespaceOf(prefix);
  if (namespace === undefined) throw new TypeError(`no namespace has the prefix ${prefix}`);
  return [namespace, name];
}

function fill(element: Element, content: XmlValue): void {
  const made = element.ownerDocument;
  if (made === null) throw new TypeError(`${element.tagName} is in no document`);
  if (typeof content === "string") {
    if (content !== "") element.appendChild(made.createTextNode(content.replace(NO_CHARACTERS, "\uFFFD")));
    return;
  }
  if (Array.isArray(content)) throw new TypeError(`${element.tagName} is one element and not several`);
  for (const [name, value] of Object.entries(content)) {
    if (value === undefined) continue;
    if (name === "#text") fill(element, value);
    else if (name.startsWith("@")) element.setAttribute(name.slice(1), String(value).replace(NO_CHARACTERS, "\uFFFD"));
    else for (const one of Array.isArray(value) ? value : [value]) fill(append(element, name), one);
  }
}

function append(element: Element, name: string): Element {
  const made = element.ownerDocument;
  if (made === null) throw new TypeError(`${element.tagName} is in no document`);
  const child = made.createElementNS(...qualified(name));
  element.appendChild(child);
  return child;
}
