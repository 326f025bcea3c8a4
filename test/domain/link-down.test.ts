import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Switchyard } from "./switchyard.ts";

describe("a link of three linux switches that goes down", () => {
  const yard = new Switchyard();
  beforeAll(async () => await yard.start());
  afterAll(async () => await yard.end());

  const reserve = async (): Promise<string> => String(await yard.ask("reserve", "100", "0", "600"));
  const reserved = async (): Promise<string> => await reserve().catch(String);
  /** Once all have heard that it is there. */
  async function whenThere(): Promise<string> {
    let id = "";
    await expect.poll(async () => (id = await reserved())).toMatch(/^[0-9a-f-]{36}$/);
    return id;
  }

  it("is not lit by the domain that sees it, which names it, and is withdrawn from what others find ways over", async () => {
    const id = await whenThere();
    await yard.set("s-west0", "down");
    await expect(yard.ask("provision", id)).rejects.toThrow(
      /(transit|san)\.example did not light .*: link span is down: channel 0 of port (east|west) has no carrier/,
    );
    expect((await yard.switches()).filter(({ master }) => master !== undefined)).toEqual([]);
    await yard.ask("terminate", id);
    // Of ams.example, which sees nothing of it itself.
    await expect.poll(reserved).toMatch(/ams\.example refused to grant .*: no path between .* carries 100 Mbps/);
    await yard.set("s-west0", "up");
    const again = await whenThere();
    expect(await yard.ask("provision", again)).toBe("provisioned");
    expect(await yard.answers()).toBe(true);
    await yard.ask("terminate", again);
  });

  it("whose devices are gone is down too, and serves again when they are back", async () => {
    const id = await whenThere();
    await yard.cable("cut");
    await expect(yard.ask("provision", id)).rejects.toThrow(/link span is down/);
    await yard.ask("terminate", id);
    await expect.poll(reserved).toMatch(/no path between/);
    await yard.cable("laid");
    const again = await whenThere();
    expect(await yard.ask("provision", again)).toBe("provisioned");
    expect(await yard.answers()).toBe(true);
    await yard.ask("terminate", again);
  });
});
