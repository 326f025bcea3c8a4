#include "memory_load.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "noise.h"
#include "pace.h"
#include "threads.h"

#define PAGE_BYTES 4096
#define PAGE_WORDS (PAGE_BYTES / 8)
#define PAGES_PER_MIB 256
#define LIMIT_BYTES (2 << 20)
#define REST_US 4000

static uint64_t *image;
static unsigned image_mib;
static atomic_uint rate_mbps, working_set_pages;
static atomic_uint_fast64_t dirtied_bytes;

/* Eight pixels a word: a quarter of each neighbour and half of the middle. */
static uint64_t blur(uint64_t left, uint64_t middle, uint64_t right) {
  const uint64_t halves = 0x7f7f7f7f7f7f7f7full, quarters = 0x3f3f3f3f3f3f3f3full;
  return ((middle >> 1) & halves) + ((left >> 2) & quarters) + ((right >> 2) & quarters);
}

static void process_page(uint64_t *page, uint64_t *state) {
  uint64_t left = page[PAGE_WORDS - 1];
  for (int i = 0; i < PAGE_WORDS; i++) {
    uint64_t middle = page[i];
    /* Without fresh noise the picture would fade to one grey that compresses to nothing. */
    page[i] = blur(left, middle, page[(i + 1) % PAGE_WORDS]) ^ noise(state);
    left = middle;
  }
}

static void *process_image(void *unused) {
  (void)unused;
  struct pace pace = {0};
  uint64_t state = 1;
  setpriority(PRIO_PROCESS, 0, 10);
  for (unsigned page = 0;;) {
    usleep(REST_US);
    unsigned pages = atomic_load(&working_set_pages);
    double due = pace_due(&pace, pages ? atomic_load(&rate_mbps) * 1e6 : 0, LIMIT_BYTES);
    for (; due >= PAGE_BYTES && pages; due -= PAGE_BYTES) {
      page = (page + 1) % pages;
      process_page(image + (size_t)page * PAGE_WORDS, &state);
      pace_done(&pace, PAGE_BYTES);
      atomic_fetch_add(&dirtied_bytes, PAGE_BYTES);
    }
  }
  return NULL;
}

int memory_start(unsigned mib) {
  image = aligned_alloc(PAGE_BYTES, (size_t)mib << 20);
  if (!image) return ENOMEM;
  fill_with_noise(image, (size_t)mib << 20, mib);
  image_mib = mib;
  return start_thread(process_image, NULL, PRIORITY_LOAD);
}

unsigned memory_check(void) {
  unsigned bad = 0;
  uint64_t state = noise_of(image_mib);
  for (size_t page = 0; page < (size_t)image_mib * PAGES_PER_MIB; page++) {
    bool same = true;
    for (size_t i = 0; i < PAGE_WORDS; i++) same &= image[page * PAGE_WORDS + i] == noise(&state);
    if (!same) bad++;
  }
  return bad;
}

unsigned memory_load_set(unsigned mbps, unsigned working_set_mib) {
  if (working_set_mib > image_mib) working_set_mib = image_mib;
  atomic_store(&rate_mbps, mbps);
  atomic_store(&working_set_pages, working_set_mib * PAGES_PER_MIB);
  return working_set_mib;
}

uint64_t memory_load_bytes(void) { return atomic_load(&dirtied_bytes); }
