#pragma once

/**
 * Answers commands, one a line; each answer is one line, but that of `gaps`, which ends with a line ".".
 * MB/s are 10^6 bytes a second; sizes are MiB; times are guest monotonic ms.
 *
 *   load <memory MB/s> <working set MiB> <disk MB/s>   ok <the three, as set>
 *   gaps                                               <stop|stall> <ms> <uncertainty ms> <at ms> <settled|open> ... "."
 *   clear                                              ok (the list of gaps is empty)
 *   stat                                               ok <key>=<number> ...
 *   verify                                             ok <n> files <n> blocks | bad <n> files <n> blocks
 *   write <seed> <MiB> / check <seed> <MiB>            ok | bad <why>
 *   sync                                               ok
 *   memory                                             ok | bad <n> pages
 *   diary <records a second>                           ok | bad <why>
 *   reread                                             <ok|bad> newest=<n> records=<n> bad=<n> errors=<n> longestMs=<ms>
 *
 * Anything else is answered "error <why>".
 */
void control_answer(int socket);
