#pragma once
#include <stdint.h>

/**
 * A diary on the disk: numbered records, each written durably before the next one, and told to whoever listens only
 * once it is. The file is made, whole, when it is first asked for: from then on records overwrite its places in turn.
 */

#define DIARY_FILE "/data/diary.bin"
/** A record is its number (u64, little-endian) and noise that belongs to it. Record n is at place n modulo the places. */
#define DIARY_RECORD_BYTES 512
#define DIARY_PLACES 8192

/** Writes so many records a second; 0 stops it. Forgets the longest write. Returns 0, or an errno. */
int diary_set(unsigned per_second);

struct diary_check {
  uint64_t newest;     /* number of the newest record that was acknowledged as durable; 0 if none was */
  unsigned records;    /* records that must be there: the newest of each place */
  unsigned bad;        /* of these, how many are not */
  uint64_t errors;     /* writes that failed; the same record is written again */
  int64_t longest_ns;  /* the longest a write took, by the guest's own clock */
};

/** Reads back, past the cache, every record that was acknowledged and not overwritten. The diary may run on. */
struct diary_check diary_check(void);

/** Sends the number of the newest acknowledged record (u64, little-endian) on a connection each time it changes, until it ends. */
void diary_tell(int socket);
