#include "task/waiters.h"

int weft__flag_wait(weft_flag *flag, const char *name)
{
    weft__fiber *f = weft__running();
    if (!f) return weft__no_task("weft_flag_wait");
    int rc = weft__checkpoint();
    if (rc < 0 || flag->up) return rc;
    weft__held on = { .kind = "flag", .name = weft__waiters_name(name) };
    weft__waiter w = { .fiber = f };
    weft__waiters_add(&flag->waiting, &w);
    return weft__waiters_wait(&flag->waiting, &w, "a flag", &on);
}

void weft_flag_raise(weft_flag *flag)
{
    flag->up = true;
    weft__waiters_serve_all(&flag->waiting, 0);
}

void weft_flag_lower(weft_flag *flag) { flag->up = false; }
