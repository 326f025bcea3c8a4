import type { Occupancy, OccupancyRequest, SegmentRequest } from "../wire.ts";

/** What a coordinator asks of one domain on the way, itself included. Rejections: Refused. */
export interface Part {
  occupancy(request: OccupancyRequest): Promise<Occupancy>;
  hold(request: SegmentRequest, token: string): Promise<{ readonly holdExpiresAt: string }>;
  commit(connectionId: string, token: string): Promise<void>;
  provision(connectionId: string, token: string): Promise<void>;
  /** Another VM uses the connection too, by a right of its own. Can be repeated with the same token. */
  join(connectionId: string, vm: string, token: string): Promise<void>;
  /** It uses it no more. One that does not is fine. */
  leave(connectionId: string, vm: string): Promise<void>;
  /** One that is not known, or over, is fine. */
  release(connectionId: string): Promise<void>;
  /** One that is not known, or over, is fine. */
  terminate(connectionId: string): Promise<void>;
}
