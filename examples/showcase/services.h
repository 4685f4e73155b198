#ifndef SHOWCASE_SERVICES_H
#define SHOWCASE_SERVICES_H
/* The processes behind the showcase. */
#include <stdbool.h>

/* One service: its process and where it answers. A store whose fault is "refuse" has no process; one that is lent is another process's to end. */
typedef struct service { const char *name; int delay_ms; char fault[16]; char url[64]; int pid; bool lent; } service;

enum { STORE1, STORE5 = STORE1 + 4, FLIGHTS, HOTELS, DASHBOARD, CATALOG, SERVICES };
extern service services[SERVICES];

/* Start them all, but those that were started before a reload and still run: WEFT_SHOWCASE_DELAY_MS and WEFT_SHOWCASE_FAULTS say how. False after a message on
 * stderr; none is left then. They end with this process, whatever ends it. */
bool services_start(void);
/* There was a main before this one. */
bool services_were_there(void);
void services_stop(void);
#endif
