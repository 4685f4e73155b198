#ifndef WEFT_SRC_WEB_METRICS_H
#define WEFT_SRC_WEB_METRICS_H
/* What an application with a route of WEFT_METRICS counts. */
#include "os/fleet.h"
#include "web/endpoint.h"
#include "weft/metrics.h"

enum { WEFT__CHECKS_MAX = 64 };      /* of .ready */
enum { WEFT__LATENCIES = 16, WEFT__STATUSES = 40, WEFT__LAGS = 9 };

/* Of one route; the last of a region is for requests that no route fits. */
typedef struct weft__route_counts {
    uint64_t status[WEFT__STATUSES];
    uint64_t latency[WEFT__LATENCIES + 1], latency_ns;   /* each bucket alone: whoever reads adds up */
    uint64_t bytes, bytes_max;
} weft__route_counts;

/* All that one loop counts: without pointers, and written by that loop alone, with plain stores of whole words. So it may lie in memory that
 * processes share, none of them waits for another, and whoever reads adds up the regions of all. */
typedef struct weft__region {
    uint64_t in_flight, connections;
    uint64_t lag[WEFT__LAGS + 1], lag_ns, lag_count;
    uint64_t route_count;
    weft__route_counts routes[];
} weft__region;

/* Numbers that a process knows of itself, as words: what is now, then what is counted. */
enum {
    WEFT__VITAL_TASKS, WEFT__VITAL_RESIDENT, WEFT__VITAL_PROCESSES, WEFT__VITAL_PROCESSES_BUSY, WEFT__VITAL_PROCESSES_WAITING,
    WEFT__VITAL_BACKGROUND, WEFT__VITAL_COUNTED,
    WEFT__VITAL_STARTED = WEFT__VITAL_COUNTED, WEFT__VITAL_CPU_US, WEFT__VITAL_BACKGROUND_STARTED, WEFT__VITAL_BACKGROUND_FAILED,
    WEFT__VITAL_LINES, WEFT__VITAL_LINES_DROPPED = WEFT__VITAL_LINES + 4, WEFT__VITALS_USED
};
_Static_assert((int)WEFT__VITALS_USED <= (int)WEFT__VITALS, "room for them in each slot");
typedef struct weft__vitals { uint64_t words[WEFT__VITALS_USED]; } weft__vitals;

typedef struct weft__metrics weft__metrics;
struct weft__metrics {
    const struct weft__app *app;
    weft__region *mine;
    weft__region **all;              /* of every process that serves, mine among them */
    unsigned count;
    weft__region *own;               /* where it counts alone */
    weft__fleet *fleet;              /* NULL: it does */
    weft__vitals before;             /* what who had this slot before has counted */
    weft__timer timer;               /* of the lag */
    weft__loop *loop;                /* that the timer runs on; NULL: it does not */
    int64_t due_ns;
};

size_t weft__region_bytes(uint32_t routes);

/* For an application whose endpoints are all there. NULL without memory. */
weft__metrics *weft__metrics_new(const struct weft__app *app);
void weft__metrics_free(weft__metrics *m);

/* ---- of a process of a fleet (metrics_fleet.c) ---- */

/* What it counts goes to its slot from now on, and is read there by all: before anything is counted. 0 or WEFT_ENOMEM. */
int weft__metrics_share(weft__metrics *m, weft__fleet *fleet);
/* Tell the others what is known here alone: a few times a second. Waits: never. */
void weft__metrics_tell(weft__metrics *m);
/* Those of this process, or the sums of all. */
weft__vitals weft__metrics_vitals(weft__metrics *m);
/* Requests being answered: by this process, or all that live. Waits: never. */
double weft__metrics_in_flight(const weft__metrics *m);

/* Around a request. `route` is the endpoint's number; -1: none. `ended_ns` is when it was answered; 0: now. Wait: never. */
int64_t weft__metrics_begin(weft__metrics *m);
void weft__metrics_end(weft__metrics *m, const weft__exchange *x, int route, int64_t began_ns, int64_t ended_ns);

/* ---- metrics_text.c ---- */

/* The whole page; what is told of routes alone. Wait: never. */
void weft__metrics_write(weft__buf *out, weft__metrics *m, const weft__exchange *x);
void weft__metrics_write_routes(weft__buf *out, const weft__metrics *m);

/* For that page: the words of an exposition. A metric's two lines; a sample, up to its value. `labels` are whole, without braces. */
void weft__metric_head(weft__buf *out, const char *name, const char *type, const char *help);
void weft__label_add(weft__buf *out, const char *name, weft_str value);      /* ,name="value", escaped; the first without a comma */
void weft__value_add(weft__buf *out, double value);

/* ---- metric.c: the user's own ---- */

/* What is wrong with one of a list goes to `faults`, a line. */
void weft__metric_check(weft_metric *const *list, weft_metric *const *m, weft__buf *faults);
/* It is on the page from here on, if it has no labels. */
void weft__metric_begin(weft_metric *m);

void weft__series_write(weft__buf *out);
/* The bytes of a table; from now on this process counts in its slot. */
size_t weft__series_bytes(void);
void weft__series_share(weft__fleet *fleet);

/* The name and bound of each slot. */
const char *weft__status_name(int slot);
extern const int64_t weft__latency_ns[WEFT__LATENCIES], weft__lag_ns[WEFT__LAGS];
#endif
