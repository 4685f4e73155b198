#ifndef SHOWCASE_SERVICES_H
#define SHOWCASE_SERVICES_H
/* The processes behind the showcase. */
#include <stdbool.h>

/* One service: its process and where it answers. A store whose fault is "refuse" has no process. */
typedef struct service { const char *name; int delay_ms; char fault[16]; char url[64]; int pid; } service;

enum { STORE1, STORE5 = STORE1 + 4, FLIGHTS, HOTELS, DASHBOARD, CATALOG, SERVICES };
extern service services[SERVICES];

/* Start them all: WEFT_SHOWCASE_DELAY_MS and WEFT_SHOWCASE_FAULTS say how. False after a message on stderr; none is
 * left then. They end with this process, whatever ends it. */
bool services_start(void);
void services_stop(void);
#endif
