export {
  AuthToken,
  type AuthTokenArgs,
  type GrantReferenceArgs,
  type PathConstraints,
  type TimeWindow,
} from "./auth-token.ts";
export { type ConnectionState, Lightpath, type LightpathArgs } from "./lightpath.ts";
export {
  certificateFingerprint,
  type DomainRecord,
  type HostFacts,
  Site,
  type SiteArgs,
  type SiteHostArgs,
  type SiteLocation,
} from "./site.ts";
export { type GatewayArgs, Tunnel, type TunnelArgs } from "./tunnel.ts";
export {
  type FixedPath,
  type LightpathProfile,
  type Location,
  type MoveRecord,
  type NsiPath,
  type VmNetworkArgs,
  VmPlacement,
  type VmPlacementArgs,
} from "./vm-placement.ts";
