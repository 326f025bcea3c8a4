#pragma once
#include <stddef.h>
#include <stdint.h>

/** One step of xorshift64: enough that nothing compresses it, cheap enough for emulation. `state` must not be 0. */
static inline uint64_t noise(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/** The state from which comes what belongs to `seed`. */
static inline uint64_t noise_of(uint64_t seed) { return (seed + 1) * 0x9E3779B97F4A7C15ull | 1; }

/** Fills a buffer with what belongs to `seed`; `bytes` must be a multiple of 8. */
static inline void fill_with_noise(void *buffer, size_t bytes, uint64_t seed) {
  uint64_t *words = buffer;
  uint64_t state = noise_of(seed);
  for (size_t i = 0; i < bytes / 8; i++) words[i] = noise(&state);
}
