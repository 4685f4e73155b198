/* Places of what is static, as other processes find them. */
#include "os/objects.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "weft/check.h"

static int ours;
static bool same(weft__static_place a, weft__static_place b) { return a.object == b.object && a.at == b.at; }

WEFT_TEST(what_is_static_in_the_program_and_in_a_library_is_found_where_it_is)
{
    weft__static_place mine = weft__static_place_of(&ours), theirs = weft__static_place_of(stderr), mine_too = weft__static_place_of(&same);
    WEFT_CHECK_EQ(mine.object, 1);
    WEFT_CHECK_EQ(mine_too.object, 1);
    WEFT_CHECK(theirs.object > 1);                   /* the C library's */
    WEFT_CHECK(weft__static_at(mine) == &ours);
    WEFT_CHECK(weft__static_at(theirs) == stderr);
    WEFT_CHECK(same(weft__static_place_of(stderr), theirs) && same(weft__static_place_of(stdout), weft__static_place_of(stdout)));
    WEFT_CHECK_EQ(weft__static_place_of(stdout).object, theirs.object);
    WEFT_CHECK_EQ(theirs.at - weft__static_place_of(stdout).at, (char *)stderr - (char *)stdout);
}

WEFT_TEST(what_is_not_loaded_or_lies_behind_its_object_is_nowhere)
{
    weft__static_place place = weft__static_place_of(stderr);
    WEFT_CHECK(weft__static_at((weft__static_place){ place.object + 1, place.at }) == NULL);
    WEFT_CHECK(weft__static_at((weft__static_place){ 0, place.at }) == NULL);
    WEFT_CHECK(weft__static_at((weft__static_place){ place.object, INT64_MAX }) == NULL);
    WEFT_CHECK(weft__static_at((weft__static_place){ place.object, -place.at }) == NULL);
    WEFT_CHECK(weft__static_at((weft__static_place){ 1, INT64_C(1) << 46 }) == NULL);
}

/* What is no object's has a place that a program put in our place does not take for its own. */
WEFT_TEST(what_lies_on_the_heap_is_known_to_forked_processes)
{
    int *heap = malloc(sizeof *heap), status;
    WEFT_NEED(heap != NULL);
    weft__static_place place = weft__static_place_of(heap);
    WEFT_CHECK(place.object > 1 && place.object != weft__static_place_of(stderr).object);
    WEFT_CHECK(weft__static_at(place) == heap);
    pid_t pid = fork();
    if (pid == 0) _exit(weft__static_at(place) == heap && same(weft__static_place_of(heap), place) ? 0 : 1);
    WEFT_NEED(waitpid(pid, &status, 0) == pid);
    WEFT_CHECK_EQ(status, 0);
    free(heap);
}
