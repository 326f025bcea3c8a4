import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { alone } from "../../examples/lab/alone.ts";

const ALONE = new URL("../../examples/lab/alone.ts", import.meta.url).href;
/** Holds on until it is killed. */
const HOLDER = `
  const { alone } = await import(${JSON.stringify(ALONE)});
  await alone(async () => {
    console.log("held");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
`;

test("one works on what labs share at a time, and what one throws is no other's", async () => {
  let inside = 0;
  const act = async () => {
    inside++;
    await sleep(30);
    expect(inside).toBe(1);
    inside--;
    return "done";
  };
  const failing = alone(async () => {
    await act();
    throw new Error("failed inside");
  });
  const [failed, ...done] = await Promise.allSettled([failing, alone(act), alone(act)]);
  expect(failed).toMatchObject({ status: "rejected", reason: new Error("failed inside") });
  expect(done.map((one) => one.status === "fulfilled" && one.value)).toEqual(["done", "done"]);
});

test("another process is waited for, and one that was killed is not", async () => {
  const holder = spawn(process.execPath, ["--input-type=module", "-e", HOLDER], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  let isIn = false;
  const next = alone(async () => {
    isIn = true;
  });
  await sleep(200);
  expect(isIn).toBe(false);
  holder.kill("SIGKILL");
  await next;
  expect(isIn).toBe(true);
});
