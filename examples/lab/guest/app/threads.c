#include "threads.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STACK_BYTES (128 * 1024)

int start_thread(void *(*body)(void *), void *argument, int priority) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  if (priority > 0) {
    struct sched_param parameters = {.sched_priority = priority};
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    pthread_attr_setschedparam(&attributes, &parameters);
  }
  int error = pthread_create(&thread, &attributes, body, argument);
  pthread_attr_destroy(&attributes);
  return error;
}

struct listener {
  int socket;
  int priority;
  void (*connection)(int socket);
};

struct visitor {
  int socket;
  void (*connection)(int socket);
};

static void *attend(void *argument) {
  struct visitor visitor = *(struct visitor *)argument;
  free(argument);
  visitor.connection(visitor.socket);
  close(visitor.socket);
  return NULL;
}

static void *accept_forever(void *argument) {
  struct listener *listener = argument;
  for (;;) {
    int socket = accept(listener->socket, NULL, NULL);
    if (socket < 0) continue;
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct visitor *visitor = malloc(sizeof *visitor);
    if (visitor) *visitor = (struct visitor){socket, listener->connection};
    if (!visitor || start_thread(attend, visitor, listener->priority) != 0) {
      free(visitor);
      close(socket);
    }
  }
  return NULL;
}

int serve(int port, void (*connection)(int socket), int priority) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  int on = 1;
  int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct listener *listener = malloc(sizeof *listener);
  if (listening < 0 || !listener) return errno;
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listening, (struct sockaddr *)&address, sizeof address) != 0 || listen(listening, 8) != 0) return errno;
  *listener = (struct listener){listening, priority, connection};
  return start_thread(accept_forever, listener, 0);
}
