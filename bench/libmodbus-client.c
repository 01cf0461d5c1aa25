/*
 * libmodbus as a client of bench/modbus-tcp.ts: PORTS THREADS REGISTERS SECONDS. A context of
 * libmodbus waits for each answer, so that only threads have several requests outstanding: the
 * devices are dealt to them, and each thread reads its own in turn. Prints what
 * bench/modbus-clients.ts prints. Compiled against the shared library alone (Debian libmodbus5).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct modbus modbus_t;
modbus_t *modbus_new_tcp(const char *host, int port);
int modbus_set_slave(modbus_t *context, int unit);
int modbus_connect(modbus_t *context);
int modbus_read_registers(modbus_t *context, int at, int count, uint16_t *words);

enum { most = 1024 };

static int ports[most], devices, threads, registers;
static atomic_long done;

static void *deal(void *first) {
  modbus_t *contexts[most];
  uint16_t words[125];
  int mine = 0;
  for (int device = (int)(intptr_t)first; device < devices; device += threads) {
    modbus_t *context = modbus_new_tcp("127.0.0.1", ports[device]);
    modbus_set_slave(context, 1);
    if (modbus_connect(context) != 0) exit(69);
    contexts[mine++] = context;
  }
  for (int next = 0;; next = (next + 1) % mine) {
    if (modbus_read_registers(contexts[next], 0, registers, words) != registers) exit(70);
    if (words[registers - 1] != registers - 1) exit(70);
    atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
  }
  return NULL;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static double cpu(void) {
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  return use.ru_utime.tv_sec + use.ru_stime.tv_sec +
         (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void wait_for(double seconds) {
  struct timespec time = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
  nanosleep(&time, NULL);
}

int main(int count, char **args) {
  if (count != 5) return 64;
  for (char *port = strtok(args[1], ","); port && devices < most; port = strtok(NULL, ","))
    ports[devices++] = atoi(port);
  threads = atoi(args[2]) < devices ? atoi(args[2]) : devices;
  registers = atoi(args[3]);
  for (int thread = 0; thread < threads; thread += 1) {
    pthread_t id;
    pthread_create(&id, NULL, deal, (void *)(intptr_t)thread);
  }
  wait_for(1);
  double at = now(), spent = cpu();
  long from = done;
  wait_for(atof(args[4]));
  long transactions = done - from;
  printf("{\"transactions\":%ld,\"took\":%f,\"cpu\":%f}\n", transactions, now() - at, cpu() - spent);
  return 0;
}
