#include "serve/succession.h"

/* ---- of this program ---- */

static bool serves(const weft__supervisor *s, unsigned slot)
{
    return __atomic_load_n(&weft__fleet_slot(s->fleet, slot)->state, __ATOMIC_ACQUIRE) >= WEFT__FLEET_READY;
}

/* Whoever was never a worker of the program as it was served. */
static bool is_superseded(const weft__supervisor *s, unsigned slot)
{
    unsigned elders = weft__supervisor_elders_that_serve(s);
    if (s->announced || !elders) return false;
    return elders >= s->fleet->workers || !serves(s, slot);
}

static void give(weft__handover *h, weft__elder_left one)
{
    if (h->elder_count < WEFT__FLEET_SLOTS_MAX) h->elders[h->elder_count++] = one;
}

/* One that is stuck and has been told to say where is as good as told to go. */
void weft__succession_give(const weft__supervisor *s, weft__handover *h)
{
    for (unsigned i = 0; i < s->fleet->slots; i++) {
        const weft__server_process *p = &s->processes[i];
        bool told = p->told || p->struck;
        if (p->pid) give(h, (weft__elder_left){ .pid = p->pid, .told = told, .kill_ms = told ? p->kill_ms : 0, .goes = !told && is_superseded(s, i) });
    }
    for (unsigned i = 0; i < s->elder_count; i++) {
        const weft__elder *e = &s->elders[i];
        bool told = e->told || e->struck;
        give(h, (weft__elder_left){ .pid = e->pid, .told = told, .kill_ms = told ? e->kill_ms : 0, .age = e->age });
    }
}

unsigned weft__succession_count(const weft__supervisor *s)
{
    unsigned n = s->elder_count;
    for (unsigned i = 0; i < s->fleet->slots; i++) n += s->processes[i].pid != 0;
    return n;
}

/* ---- of programs before ---- */

void weft__succession_take(weft__supervisor *s, const weft__handover *h, int64_t now)
{
    s->elder_count = (unsigned)h->elder_count;
    for (int i = 0; i < h->elder_count; i++) {
        const weft__elder_left *e = &h->elders[i];
        s->elders[i] = (weft__elder){ .pid = e->pid, .told = e->told, .urged = e->urged, .goes = e->goes, .age = e->age + 1, .told_ms = e->told_ms, .kill_ms = e->kill_ms };
        if (e->told && !e->kill_ms) s->elders[i].kill_ms = now + s->end_ms;
    }
}

/* 0: of one that serves on. Who was recycled, or stuck, when the program was replaced was told for itself, and goes on its own. */
static int age_of(const weft__supervisor *s, const weft__elder *e)
{
    for (unsigned i = 0; i < s->elder_count; i++)
        if (s->elders[i].age == e->age && !s->elders[i].told) return 0;
    return e->age;
}

unsigned weft__succession_programs(const weft__supervisor *s)
{
    int ages[WEFT__ELDERS_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < s->elder_count; i++) {
        bool again = false;
        ages[i] = age_of(s, &s->elders[i]);
        for (unsigned k = 0; k < i && !again; k++) again = ages[k] == ages[i];
        n += !again;
    }
    return n;
}
