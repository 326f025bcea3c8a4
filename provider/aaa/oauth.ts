import { z } from "zod";
import { placementDetails } from "./token.ts";
import { encryption, refusal, timeWindow } from "./wire.ts";

/** Where tokens are asked for (RFC 6749), by exchange (RFC 8693) of a grant. */
export const TOKEN_PATH = ["aaa", "token"] as const;
export const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
export const JWT_TOKEN = "urn:ietf:params:oauth:token-type:jwt";
export const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
export const CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** What is wished of the way (RFC 9396): one direction, at a rate, in a time, for one VM that goes to that host. */
export const lightpathWish = z.strictObject({
  type: z.literal("lightpath"),
  from: z.string(),
  to: z.string(),
  bandwidthMbps: z.number().positive(),
  window: timeWindow,
  vm: z.string().min(1),
  siteKey: z.string().min(1),
  encryption: encryption.optional(),
});

/** What is wished of the site at its end. */
export const placementWish = z.strictObject(placementDetails.shape);

/** The answer of a token endpoint (RFC 6749, section 5.1; RFC 8693, section 2.2.1). */
export const tokenResponse = z.looseObject({ access_token: z.string(), token_type: z.string() });

/** An error of a token endpoint (RFC 6749, section 5.2), with the refusal that it is about, if it is about one. */
export const tokenError = z.looseObject({
  error: z.string(),
  error_description: z.string().default("no reason is given"),
  refusal: refusal.optional(),
});

export type LightpathWish = z.output<typeof lightpathWish>;
export type PlacementWish = z.output<typeof placementWish>;
