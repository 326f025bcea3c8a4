import { expect, test } from "vitest";
import { fenceProgram, pilotProgram } from "../../provider/hypervisor/qemu/flight.ts";

const PROGRAMS = {
  source: pilotProgram("source"),
  destination: pilotProgram("destination"),
  fence: fenceProgram(),
};

test.each(Object.entries(PROGRAMS))("what is sent as one file, the %s, says nothing twice", (_, program) => {
  const names = [...program.matchAll(/^(?:def|class) (\w+)|^([A-Z_]+) = /gm)].map(([, one, other]) => one ?? other);
  const twice = names.filter((name, index) => name !== undefined && names.indexOf(name) !== index);
  expect(names.length).toBeGreaterThan(2);
  expect(twice).toEqual([]);
});
