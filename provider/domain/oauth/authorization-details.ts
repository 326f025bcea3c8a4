import { errors, type RichAuthorizationRequestType } from "oidc-provider";
import { z } from "zod";
import { type LightpathWish, lightpathWish, type PlacementWish, placementWish } from "../../aaa/oauth.ts";
import { partWish } from "../wire.ts";

/** What clients, and what other domains can wish for (RFC 9396), each type with its schema. */
export const CLIENT_DETAILS: Readonly<Record<string, RichAuthorizationRequestType>> = {
  lightpath: checkedBy(lightpathWish),
  "vm-placement": checkedBy(placementWish),
};
export const PEER_DETAILS: Readonly<Record<string, RichAuthorizationRequestType>> = {
  "lightpath-consent": checkedBy(partWish),
};

/** A way, and the placement at its end, if that is wished too. */
export interface Wish {
  readonly way: LightpathWish;
  readonly placement: PlacementWish | undefined;
}

const wish = z.union([
  z.tuple([lightpathWish]).transform(([way]): Wish => ({ way, placement: undefined })),
  z.tuple([lightpathWish, placementWish]).transform(([way, placement]): Wish => ({ way, placement })),
  z.tuple([placementWish, lightpathWish]).transform(([placement, way]): Wish => ({ way, placement })),
]);

/** What the text of `authorization_details` wishes for. Throws invalid_authorization_details. */
export function wishOf(text: string): Wish {
  const { data } = wish.safeParse(JSON.parse(text));
  if (data === undefined) throw invalid("one lightpath is to be wished for, and at most one vm-placement at its end");
  const { way, placement } = data;
  const fits = placement === undefined || (placement.vm === way.vm && placement.site === way.to);
  if (fits && (placement?.siteKey ?? way.siteKey) === way.siteKey) return data;
  throw invalid("the vm-placement is not for the VM, the site and the key of the lightpath");
}

function checkedBy(schema: z.ZodType): RichAuthorizationRequestType {
  return {
    validate: (_, detail) => {
      const { error } = schema.safeParse(detail);
      if (error !== undefined) throw invalid(z.prettifyError(error));
    },
  };
}

function invalid(reason: string): errors.InvalidAuthorizationDetails {
  return new errors.InvalidAuthorizationDetails(reason);
}
