import { expect, test } from "vitest";
import { timeIn } from "./events.ts";

const SAID = `2026-11-25 02:47:19.998+0000: event 'lifecycle' for domain 'vm': Defined Added
2026-11-25 02:47:20.123+0000: event 'lifecycle' for domain 'vm': Resumed Migrated
`;

test("an event's time is read as virsh writes it", () => {
  expect(timeIn(SAID, "Resumed Migrated")).toBe(Date.UTC(2026, 10, 25, 2, 47, 20, 123));
  expect(timeIn(SAID, "Suspended Migrated")).toBeUndefined();
});
