#pragma once

/** Above the loads, below the clock: a sample that is late only because the load ran would look like a gap. */
#define PRIORITY_STREAM 10
#define PRIORITY_CLOCK 20
#define PRIORITY_LOAD 0

/** Starts a detached thread; a priority above 0 is real-time. Returns 0, or an errno. */
int start_thread(void *(*body)(void *), void *argument, int priority);

/** Accepts on a TCP port for ever, each connection in a thread of its own that gets the socket as argument. Returns 0, or an errno. */
int serve(int port, void (*connection)(int socket), int priority);
