import { expect, test } from "vitest";
import { openLocal } from "../../provider/host/local.ts";
import { shareClock } from "../../provider/hypervisor/qemu/clock.ts";

const here = openLocal("here");
const booted = (id: string | undefined) => ({ readFile: async () => id });

test("hosts on one running kernel share its clock, whatever else divides them", async () => {
  expect(await shareClock(here, openLocal("there"))).toBe(true);
});

test("hosts that were booted apart share none, nor does one that cannot tell", async () => {
  expect(await shareClock(here, booted("5d1c1c3e-0000-4000-8000-000000000000\n"))).toBe(false);
  expect(await shareClock(booted(undefined), booted(undefined))).toBe(false);
});
