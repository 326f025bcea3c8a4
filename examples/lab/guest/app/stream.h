#pragma once

/**
 * Sends samples on a connection, one a millisecond, until it ends: 16 bytes each, little-endian,
 * u64 sequence (from 0, without a hole) and u64 guest monotonic time in ns.
 */
void stream_samples(int socket);
