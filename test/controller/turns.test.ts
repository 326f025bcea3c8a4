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

test("who gives up while it waits is told at once, and keeps nobody waiting", async () => {
  const turns = new Turns();
  const quiet = () => undefined;
  const end = await turns.take("first", 1, quiet);
  const given = new AbortController();
  const second = turns.take("second", 1, quiet, given.signal);
  const third = turns.take("third", 2, quiet);
  given.abort(new Error("its pilot fell"));
  await expect(second).rejects.toThrow("its pilot fell");
  end();
  (await third)();
  await expect(turns.take("late", 1, quiet, given.signal)).rejects.toThrow("its pilot fell");
  const again = new AbortController();
  const turn = await turns.take("again", 1, quiet, again.signal);
  again.abort();
  turn();
});
