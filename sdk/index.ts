export {
  AuthToken,
  type AuthTokenArgs,
  type GrantReferenceArgs,
  type PathConstraints,
  type TimeWindow,
} from "./auth-token.ts";
export {
  type AfterUse,
  type ConnectionState,
  Lightpath,
  type LightpathArgs,
  type Occurrence,
  type ProtectingWay,
  type RecurrenceArgs,
} from "./lightpath.ts";
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
  type OscarsPath,
  type VmNetworkArgs,
  VmPlacement,
  type VmPlacementArgs,
} from "./vm-placement.ts";
