import type { Credential } from "../../aaa/credential.ts";
import type { Occupancy, OccupancyRequest, SegmentModification, SegmentRequest } from "../wire.ts";

/** What a coordinator asks of one domain on the way, itself included. Rejections: Refused. */
export interface Part {
  occupancy(request: OccupancyRequest): Promise<Occupancy>;
  hold(request: SegmentRequest, right: Credential): Promise<{ readonly holdExpiresAt: string }>;
  commit(connectionId: string, right: Credential): Promise<void>;
  provision(connectionId: string, right: Credential): Promise<void>;
  /** Another VM uses the connection too, by a right of its own. Can be repeated with the same token. */
  join(connectionId: string, vm: string, right: Credential): Promise<void>;
  /** It uses it no more. One that does not is fine. */
  leave(connectionId: string, vm: string): Promise<void>;
  /** Room is held for a new version beside the present one, by a right to the new one. Can be repeated. */
  holdModification(connectionId: string, modification: SegmentModification, right: Credential): Promise<void>;
  /** The new version is in force; what the old one took is kept, so that there is a way back. Can be repeated. */
  commitModification(connectionId: string, request: string): Promise<void>;
  /** Back to what was in force before. One that is not known, or over, is fine. */
  abortModification(connectionId: string, request: string): Promise<void>;
  /** It stands: there is no way back any more. One that is not known, or over, is fine. */
  confirmModification(connectionId: string, request: string): Promise<void>;
  /** One that is not known, or over, is fine. */
  release(connectionId: string): Promise<void>;
  /** One that is not known, or over, is fine. */
  terminate(connectionId: string): Promise<void>;
}
