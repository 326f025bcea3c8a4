import { describe, expect, test } from "vitest";
import { answerAt, shown } from "../../provider/door.ts";
import { TurntableError } from "../../provider/errors.ts";
import { dispatch } from "../../provider/index.ts";
import { PartialFailure } from "../../provider/resource.ts";
import { composed, grantDeclared, placementAt, siteNamed } from "./declarations.ts";

describe("the door", () => {
  test("takes the engine's positional arguments, and keeps the shell to itself", async () => {
    const news = { ...siteNamed("ams"), __provider: "exports.handler = …" };
    const { inputs, failures } = Object(await dispatch("Site", "check", {}, news));
    expect(failures).toEqual([]);
    expect(inputs).not.toHaveProperty("__provider");
    const difference = await dispatch(
      "Site",
      "diff",
      "ams",
      { ...inputs, __provider: "old" },
      { ...inputs, __provider: "new" },
    );
    expect(difference).toEqual({ changes: false, replaces: [], deleteBeforeReplace: false });
  });

  test("answers with JSON alone, since the engine cannot carry undefined", async () => {
    const answer = await answerAt(composed(), "VmPlacement", "check", [{}, placementAt("ams", { grant: undefined })]);
    expect(Object.keys(Object(answer).inputs)).not.toContain("grant");
  });

  test("reads credentials when they are needed, from the stack's configuration", async () => {
    const get = (key: string) =>
      key === "turntable:callerId" ? "demo" : key === "turntable:callerKeyFile" ? "/nowhere" : undefined;
    await dispatch("AuthToken", "configure", { config: { get } });
    await expect(dispatch("AuthToken", "create", grantDeclared)).rejects.toThrow(
      /^The file of turntable:callerKeyFile cannot be read: ENOENT.*\(credentials\.missing\)\. Correct it with/,
    );
  });

  test("shows an error as one paragraph without a stack", async () => {
    const thrown = await dispatch("Teleporter", "create", {}).catch((error: Error) => error);
    expect(thrown).toMatchObject({
      stack: "",
      message: expect.stringMatching(/^There is no resource type Teleporter/),
    });
    expect(shown(new TypeError("x is not y"), []).message).toMatch(
      /^Something unforeseen went wrong: x is not y\. Run/,
    );
    const next = { retry: "safe", next: "Wait." } as const;
    expect(shown(new TurntableError("move.failed", "No", next), []).message).toBe("No (move.failed). Wait.");
  });

  test("hands the engine what is true after a failure that changed the world", () => {
    const failure = new PartialFailure("radar-0", { site: "san", lastMove: undefined }, [
      "the path was not given back",
    ]);
    const args = ["radar-0", { __provider: "old" }, { site: "san", __provider: "new" }];
    expect(shown(failure, args)).toMatchObject({
      id: "radar-0",
      reasons: ["the path was not given back"],
      message: "the path was not given back",
    });
    expect(Object(shown(failure, args)).properties).toStrictEqual({ site: "san", __provider: "new" });
  });
});
