import { describe, expect, it } from "vitest";
import { scheduleOf } from "../../../provider/lightpath/oscars/connection.ts";
import * as wire from "../../../provider/lightpath/oscars/wire.ts";
import { recording } from "./recordings.ts";

describe("what OSCARS was asked and answered", () => {
  it.each([
    ["a hold", "08", wire.holdRequest],
    ["a way", "07", wire.pathsRequest],
  ] as const)("is asked for by us in the same words: %s", (_, number, schema) => {
    const { asked } = recording(number);
    expect(JSON.parse(JSON.stringify(wire.json(schema).parse(asked)))).toEqual(JSON.parse(asked));
  });

  it("is read: an id, a way, a hold, its commitment and release", () => {
    expect(wire.generatedId.parse(recording("06").answered)).toBe("N7YY");
    expect(wire.json(wire.pathsAnswer).parse(recording("07").answered)).toMatchObject({
      fits: { azEro: [{ urn: "A" }, { urn: "A:2" }, { urn: "B:2" }, { urn: "B" }], azAvailable: 100, zaAvailable: 100 },
    });
    expect(wire.json(wire.holdAnswer).parse(recording("08").answered)).toMatchObject({ heldUntil: 1_795_356_960 });
    expect(wire.json(wire.changeAnswer).parse(recording("10").answered)).toMatchObject({ phase: "RESERVED" });
    expect(wire.json(wire.changeAnswer).parse(recording("12").answered)).toMatchObject({
      what: "DELETED",
      phase: null,
    });
  });

  it("is read: a connection, whose schedule is told once", () => {
    const info = wire.json(wire.infoAnswer).parse(recording("11").answered);
    expect(info).toMatchObject({ connectionId: "N7YY", phase: "RESERVED", mode: "MANUAL", state: "WAITING" });
    expect(info.reserved?.cmp.fixtures).toMatchObject([
      { portUrn: "A:1", ingressBandwidth: 100, vlan: { vlanId: 100 } },
      { portUrn: "B:1", ingressBandwidth: 100, vlan: { vlanId: 100 } },
    ]);
    expect(scheduleOf(info)).toEqual({ beginning: 1_795_356_090, ending: 1_795_359_660 });
    expect(recording("13")).toMatchObject({ status: 404, answered: "" });
  });
});
