import { expect, test } from "vitest";
import { samplesWanted, variantsAt } from "./variants.ts";

test("each round trip has every load with every encryption, and a suspended VM and virsh beside each load, and where it is long a far controller", () => {
  expect(variantsAt(198).map(({ id }) => id)).toEqual([
    ...["198 ms idle tls", "198 ms idle none", "198 ms idle far", "198 ms idle suspended", "198 ms idle virsh"],
    ...["198 ms loaded tls", "198 ms loaded none", "198 ms loaded suspended", "198 ms loaded virsh"],
    ...["198 ms copy tls", "198 ms copy none"],
  ]);
  expect(variantsAt(1).filter(({ id }) => id.includes("far"))).toEqual([]);
  expect(variantsAt(198).find(({ id }) => id.endsWith("far"))).toMatchObject({
    encryption: "tls",
    controllerRttMs: 100,
  });
});

test("of copies a third is enough, and never none", () => {
  const wanted = (kind: string, moves: number) =>
    variantsAt(1)
      .filter((variant) => variant.kind === kind)
      .map((variant) => samplesWanted(variant, moves));
  expect(wanted("move", 10)).toEqual([10, 10, 10, 10]);
  expect(wanted("copy", 10)).toEqual([4, 4]);
  expect(wanted("copy", 1)).toEqual([1, 1]);
});
