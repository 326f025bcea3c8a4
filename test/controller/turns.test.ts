import { expect, test } from "vitest";
import { Turns } from "../../provider/controller/turns.ts";

test("one at a time is let through, who has least to do first, and each is told for whom it waits", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const told: Record<string, string> = {};
  const through = async (who: string, work: number) => {
    const end = await turns.take(who, work, (whom) => {
      told[who] = whom;
    });
    order.push(who);
    return end;
  };
  const first = await through("first", 9);
  const waiting = [through("large", 3), through("small", 1), through("middle", 2)];
  expect(told).toEqual({ large: "first", small: "first", middle: "first, small" });
  for (const [ended, next] of [
    [first, waiting[1]],
    [undefined, waiting[2]],
    [undefined, waiting[0]],
  ] as const) {
    ended?.();
    ended?.();
    (await next)?.();
  }
  expect(order).toEqual(["first", "small", "middle", "large"]);
  (await turns.take("again", 1, (whom) => expect.unreachable(whom)))();
});
