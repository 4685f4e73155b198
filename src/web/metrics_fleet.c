/* What the processes of a fleet count, together: each writes its slot, and whoever is asked adds up. */
#include "base/mem.h"
#include "io/log.h"
#include "os/usage.h"
#include "task/counts.h"
#include "web/background.h"
#include "web/metrics.h"

static weft__vitals own_vitals(void)
{
    weft__loop *loop = weft__loop_here();
    weft__loop_counts tasks = weft__loop_counts_of(loop);
    const weft__backgrounds *b = weft__backgrounds_here();
    weft__pool_counts p = { 0 };
    weft__usage u = { 0 };
    weft__vitals v = { { 0 } };
    bool processes = weft__process_counts_of(loop, &p);
    (void)weft__os_usage(&u);
    v.words[WEFT__VITAL_TASKS] = tasks.tasks;
    v.words[WEFT__VITAL_STARTED] = tasks.started;
    v.words[WEFT__VITAL_RESIDENT] = (uint64_t)u.resident_bytes;
    v.words[WEFT__VITAL_CPU_US] = (uint64_t)u.cpu_us;
    v.words[WEFT__VITAL_PROCESSES] = processes ? (uint64_t)p.threads : 0;
    v.words[WEFT__VITAL_PROCESSES_BUSY] = processes ? p.running : 0;
    v.words[WEFT__VITAL_PROCESSES_WAITING] = processes ? p.waiting : 0;
    v.words[WEFT__VITAL_BACKGROUND] = b ? b->count : 0;
    v.words[WEFT__VITAL_BACKGROUND_STARTED] = b ? b->started : 0;
    v.words[WEFT__VITAL_BACKGROUND_FAILED] = b ? b->failed : 0;
    for (int i = 0; i < 4; i++) v.words[WEFT__VITAL_LINES + i] = weft__log_count((weft_log_level)i);
    v.words[WEFT__VITAL_LINES_DROPPED] = weft__log_dropped();
    return v;
}

void weft__metrics_tell(weft__metrics *m)
{
    weft__ship *me = weft__fleet_slot(m->fleet, (unsigned)m->fleet->mine);
    weft__vitals v = own_vitals();
    for (int i = 0; i < WEFT__VITALS_USED; i++) __atomic_store_n(&me->vitals[i], v.words[i] + m->before.words[i], __ATOMIC_RELAXED);
}

weft__vitals weft__metrics_vitals(weft__metrics *m)
{
    weft__vitals all = { { 0 } };
    if (!m->fleet) return own_vitals();
    weft__metrics_tell(m);
    for (unsigned s = 0; s < m->fleet->slots; s++) {
        const weft__ship *one = weft__fleet_slot(m->fleet, s);
        int first = weft__ship_lives(one) ? 0 : WEFT__VITAL_COUNTED;
        for (int i = first; i < WEFT__VITALS_USED; i++) all.words[i] += __atomic_load_n(&one->vitals[i], __ATOMIC_RELAXED);
    }
    return all;
}

/* Whoever was ended in the middle of requests leaves them in its region, until the next one is there. */
double weft__metrics_in_flight(const weft__metrics *m)
{
    int64_t all = 0;
    if (!m->fleet) return (double)(int64_t)__atomic_load_n(&m->mine->in_flight, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < m->count; i++)
        if (weft__ship_lives(weft__fleet_slot(m->fleet, i))) all += (int64_t)__atomic_load_n(&m->all[i]->in_flight, __ATOMIC_RELAXED);
    return (double)all;
}

int weft__metrics_share(weft__metrics *m, weft__fleet *fleet)
{
    const weft__ship *me = weft__fleet_slot(fleet, (unsigned)fleet->mine);
    weft__region **all = weft__calloc(fleet->slots * sizeof *all);
    if (!all) return WEFT_ENOMEM;
    for (unsigned i = 0; i < fleet->slots; i++) all[i] = weft__fleet_part(fleet, i, WEFT__PART_REGION);
    uint64_t routes = m->mine->route_count;
    m->mine = all[fleet->mine];
    m->mine->route_count = routes;
    __atomic_store_n(&m->mine->in_flight, 0, __ATOMIC_RELAXED);
    m->all = all;
    m->count = fleet->slots;
    m->fleet = fleet;
    for (int i = WEFT__VITAL_COUNTED; i < WEFT__VITALS_USED; i++) m->before.words[i] = me->vitals[i];
    /* What the supervisor has logged came with the fork, and is not this one's. */
    for (int i = 0; i < 4; i++) m->before.words[WEFT__VITAL_LINES + i] -= weft__log_count((weft_log_level)i);
    m->before.words[WEFT__VITAL_LINES_DROPPED] -= weft__log_dropped();
    return 0;
}
