import type { Availability, AvailabilityRequest, SegmentRequest } from "../wire.ts";

/** What a coordinator asks of one domain on the way, itself included. Rejections: Refused. */
export interface Part {
  availability(request: AvailabilityRequest): Promise<Availability>;
  hold(request: SegmentRequest, token: string): Promise<{ readonly holdExpiresAt: string }>;
  commit(connectionId: string, token: string): Promise<void>;
  provision(connectionId: string, token: string): Promise<void>;
  /** One that is not known, or over, is fine. */
  release(connectionId: string): Promise<void>;
  /** One that is not known, or over, is fine. */
  terminate(connectionId: string): Promise<void>;
}
