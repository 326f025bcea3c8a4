import type { Properties } from "../resource.ts";

/** What stands, in check and diff of a preview, for a value that is known only once something else has been created. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

type Path = readonly PropertyKey[];

function isBag(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function step(value: unknown, key: PropertyKey): unknown {
  if (Array.isArray(value)) return value[Number(key)];
  return isBag(value) ? value[String(key)] : undefined;
}

/** The value at a path, or undefined. */
export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce(step, root);
}

/** Whether a value, or anything inside it, is unknown. */
export function holdsUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  if (Array.isArray(value)) return value.some(holdsUnknown);
  return isBag(value) && Object.values(value).some(holdsUnknown);
}

/** Whether the value at a path cannot be judged yet: it, or what it would be a part of, is unknown. */
export function isUnknownAt(root: unknown, path: Path): boolean {
  return path.some((_, length) => valueAt(root, path.slice(0, length)) === UNKNOWN) || valueAt(root, path) === UNKNOWN;
}
