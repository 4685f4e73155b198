/* The census of stacks, in builds that have it: -Dstack_census=true. */
#include "task/census.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "world.h"

enum { DEEP = 40 * 1024 };

static __attribute__((noinline)) int touch(int n)
{
    volatile char room[1024];
    room[0] = (char)n;
    int rc = n ? touch(n - 1) : 0;
    return rc + room[0] - (char)n;
}
static int go_deep(const int *calls) { return touch(*calls); }

static int shallow_and_deep(void)
{
    WEFT_SCOPE(s);
    for (int i = 0; i < 5; i++) weft_spawn(s, sleep_for, &(int){ 1 });
    WEFT_TRY(weft_join(s));
    weft_spawn(s, go_deep, &(int){ DEEP / 1024 });
    WEFT_TRY(weft_join(s));
    for (int i = 0; i < 100; i++) weft_spawn(s, sleep_for, &(int){ 0 });    /* on stacks that were deep before */
    return weft_join(s);
}

/* KiB and tasks of the line of a task. */
static double line_of(const char *said, const char *name, int *tasks)
{
    char words[64];
    double kib = -1;
    snprintf(words, sizeof words, "  %s (", name);
    const char *at = strstr(said, words);
    while (at && at > said && at[-1] != '\n') at--;
    if (at) sscanf(at, "weft: %lf KiB %d", &kib, tasks);
    return kib;
}

static void check_census(void)
{
    int tasks = 0;
    world_capture_begin();
    weft__census_say();                               /* of what ran before */
    world_capture_end();
    WEFT_CHECK_EQ(world_run(weft_call(shallow_and_deep)), 0);
    world_capture_begin();
    weft__census_say();
    const char *said = world_capture_end();
    double deep = line_of(said, "go_deep", &tasks);
    WEFT_CHECK_EQ(tasks, 1);
    WEFT_CHECK(deep > DEEP / 1024 && deep < 3 * DEEP / 1024);
    /* Two places of one function: the first is before the other in the list only when it was deeper. */
    double shallow = line_of(said, "sleep_for", &tasks);
    WEFT_CHECK(tasks == 5 || tasks == 100);
    WEFT_CHECK(shallow > 0.3 && shallow < 8);
    WEFT_CHECK(strstr(said, "shallow_and_deep (the program)") != NULL);
    WEFT_CHECK(strstr(said, "go_deep (") < strstr(said, "sleep_for ("));
    world_close();
}

WEFT_TEST(the_deepest_stack_of_each_place_is_told__epoll) { world_open_epoll(); check_census(); }
WEFT_TEST(the_deepest_stack_of_each_place_is_told__sim) { world_open_sim(1); check_census(); }
