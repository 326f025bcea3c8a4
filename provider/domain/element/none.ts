import type { Element } from "./element.ts";

/** Steers nothing: for a domain that is only under test. */
export const noElement: Element = {
  join: async () => undefined,
  adjust: async () => undefined,
  part: async () => undefined,
  restore: async () => undefined,
  carried: async () => undefined,
  dark: async () => [],
};
