/* The memory of a fleet, handed from one program to the next: taken as it is, or not at all. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/mem.h"
#include "os/handover.h"
#include "weft/check.h"

static const weft__fleet_shape shape = { .workers = 2, .part_bytes = { 100, 5000 }, .common_bytes = 4096, .program = 7, .layout = 77 };

/* What is left of a fleet when another program was run in its supervisor's place: descriptors alone. */
static weft__fleet_past left_by(weft__fleet *c)
{
    weft__fleet_past past = weft__fleet_past_of(c);
    munmap(c->memory, c->bytes);
    munmap(c->voices.head, 4096 + c->voices.count * sizeof(weft__voice));
    weft__free(c);
    return past;
}

static void lives_in(weft__fleet *c, unsigned slot, pid_t pid)
{
    weft__voice_take(weft__fleet_voice(c, slot));
    weft__voice_is_of(weft__fleet_voice(c, slot), pid);
    weft__fleet_voice(c, slot)->state = WEFT__VOICE_THERE;
}

static weft__fleet_past written(void)
{
    weft__fleet *c;
    WEFT_NEED(weft__fleet_new(&c, &shape, NULL) == 0);
    WEFT_CHECK(!c->adopted);
    strcpy(weft__fleet_common(c), "what all keep");
    strcpy(weft__fleet_part(c, 3, WEFT__PART_SERIES), "what one counts");
    weft__fleet_slot(c, 1)->state = WEFT__FLEET_READY;
    weft__fleet_slot(c, 1)->incarnation = 5;
    lives_in(c, 1, 4711);
    return left_by(c);
}

static bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

static bool nothing_is_open(const weft__fleet_past *past)
{
    bool open = is_open(past->memory) || is_open(past->bell) || is_open(past->voices);
    for (unsigned i = 0; i < past->slots; i++) open |= is_open(past->bells[i]);
    return !open;
}

WEFT_TEST(the_memory_of_a_fleet_goes_on_in_the_next_program)
{
    weft__fleet_past past = written();
    weft__fleet *c;
    WEFT_NEED(weft__fleet_new(&c, &shape, &past) == 0);
    WEFT_CHECK(c->adopted);
    WEFT_CHECK_EQ((uint64_t)(uintptr_t)c->memory, past.at);
    WEFT_CHECK_STR(weft_str_of(weft__fleet_common(c)), "what all keep");
    WEFT_CHECK_STR(weft_str_of(weft__fleet_part(c, 3, WEFT__PART_SERIES)), "what one counts");
    WEFT_CHECK_EQ(weft__fleet_slot(c, 1)->incarnation, 5);
    uint64_t rung = 0;
    weft__fleet_ring_slot(c, 1);                     /* the bell that its worker hears */
    WEFT_CHECK_EQ(read(past.bells[1], &rung, sizeof rung), (ssize_t)sizeof rung);
    weft__fleet_past again = left_by(c);             /* and in the one after that */
    WEFT_NEED(weft__fleet_new(&c, &shape, &again) == 0);
    WEFT_CHECK(c->adopted);
    weft__fleet_free(c);
    WEFT_CHECK(nothing_is_open(&past));
}

static void begins_anew(const weft__fleet_shape *other, const weft__fleet_past *past, bool apart, const char *why)
{
    weft__fleet *c;
    WEFT_NEED(weft__fleet_new(&c, other, past) == 0);
    WEFT_CHECK(!c->adopted);
    WEFT_CHECK(strstr(c->why_anew, why) != NULL);
    WEFT_CHECK_EQ(*c->why_apart != 0, apart);
    WEFT_CHECK_STR(weft_str_of(weft__fleet_common(c)), "");
    WEFT_CHECK(!weft__ship_lives(weft__fleet_slot(c, 1)));
    WEFT_CHECK_EQ(weft__fleet_voice(c, 1)->pid == 4711, !apart);
    weft__fleet_free(c);
    WEFT_CHECK(nothing_is_open(past));
}

WEFT_TEST(memory_of_another_shape_is_not_taken_for_ones_own)
{
    static const char *const whys[] = { "its routes", "another file", "another file", "more workers", "where it lay", "where it lay" };
    weft__fleet_shape others[] = { shape, shape, shape, shape, shape, shape };
    others[0].layout = 78;
    others[1].program = 0;
    others[2].program = 8;
    others[3].workers = 3;
    others[4].part_bytes[1] = 9000;
    others[5].common_bytes = 4097;
    for (size_t i = 0; i < weft_count(others); i++) {
        weft__fleet_past past = written();
        begins_anew(&others[i], &past, i == 3, whys[i]);
    }
}

WEFT_TEST(who_has_fewer_workers_keeps_the_memory_with_its_slots)
{
    weft__fleet_shape fewer = shape;
    fewer.workers = 1;
    weft__fleet_past past = written();
    weft__fleet *c;
    WEFT_NEED(weft__fleet_new(&c, &fewer, &past) == 0);
    WEFT_CHECK(c->adopted && c->slots == 7 && c->workers == 1);
    WEFT_CHECK_EQ(weft__fleet_slot(c, 1)->incarnation, 5);
    weft__fleet_free(c);
}

/* What a program keeps is its own, and what is said is for all: those that are handed over have their slots until they have ended, others have none. */
WEFT_TEST(another_program_hears_the_workers_of_the_one_before)
{
    weft__fleet *c;
    weft__fleet_shape other = shape;
    WEFT_NEED(weft__fleet_new(&c, &shape, NULL) == 0);
    lives_in(c, 1, 4711);
    lives_in(c, 2, 4712);
    weft__voice_take(weft__fleet_voice(c, 3));                   /* it died between fork and word */
    WEFT_CHECK_EQ(weft__ring_write(&weft__fleet_voice(c, 1)->ring, 9, WEFT_S("good morning")), 0);
    weft__fleet_past past = left_by(c);
    other.program = 8;
    WEFT_NEED(weft__fleet_new(&c, &other, &past) == 0);
    weft__fleet_welcome(c, (pid_t[]){ 4713, 4711 }, 2);
    WEFT_CHECK(!c->adopted && !*c->why_apart);
    WEFT_CHECK_EQ(weft__fleet_slot(c, 1)->state, WEFT__FLEET_ELSEWHERE);
    WEFT_CHECK_EQ(weft__fleet_slot(c, 1)->pid, 4711);
    WEFT_CHECK(weft__fleet_voice(c, 2)->state == WEFT__VOICE_FREE && weft__fleet_voice(c, 3)->state == WEFT__VOICE_FREE);
    for (unsigned i = 0; i < 7; i++) WEFT_CHECK_EQ(weft__ship_lives(weft__fleet_slot(c, i)), i == 1);
    WEFT_CHECK_EQ(weft__fleet_voice(c, 1)->ring.count, 1);
    uint64_t rung = 0;
    weft__fleet_ring_slot(c, 1);
    WEFT_CHECK_EQ(read(past.bells[1], &rung, sizeof rung), (ssize_t)sizeof rung);
    weft__fleet_free(c);
    WEFT_CHECK(nothing_is_open(&past));
}

static void are_not_taken(weft__fleet_past *past)
{
    weft__fleet *c;
    weft__fleet_shape other = shape;
    other.program = 8;
    WEFT_NEED(weft__fleet_new(&c, &other, past) == 0);
    WEFT_CHECK(*c->why_apart != 0);
    WEFT_CHECK_EQ(weft__fleet_voice(c, 1)->state, WEFT__VOICE_FREE);
    weft__fleet_free(c);
    WEFT_CHECK(nothing_is_open(past));
}

WEFT_TEST(voices_of_another_form_or_too_few_are_not_taken)
{
    weft__fleet *c;
    uint64_t form = 4711;
    weft__fleet_past past = written();
    WEFT_NEED(pwrite(past.voices, &form, sizeof form, 0) == sizeof form);
    are_not_taken(&past);
    past = written();
    WEFT_NEED(ftruncate(past.voices, 4096) == 0);
    are_not_taken(&past);
    WEFT_NEED(weft__fleet_new(&c, &shape, NULL) == 0);
    for (unsigned i = 0; i < 6; i++) lives_in(c, i, 4711);
    past = left_by(c);
    are_not_taken(&past);
}

WEFT_TEST(memory_that_cannot_lie_where_it_lay_is_not_taken)
{
    weft__fleet_past past = written();
    void *taken = mmap((void *)(uintptr_t)past.at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    WEFT_NEED(taken != MAP_FAILED);
    begins_anew(&shape, &past, false, "where it lay");
    munmap(taken, 4096);
    past = written();
    past.at++;
    begins_anew(&shape, &past, false, "where it lay");
}

/* Two that did not end yet, of three programs before: there must be a slot for each new worker, or there would be none to serve. */
WEFT_TEST(memory_without_free_slots_for_all_workers_is_not_taken)
{
    weft__fleet *c;
    WEFT_NEED(weft__fleet_new(&c, &shape, NULL) == 0);
    for (unsigned i = 0; i < 6; i++) weft__fleet_slot(c, i)->state = WEFT__FLEET_LEAVING;
    lives_in(c, 1, 4711);
    weft__fleet_past past = left_by(c);
    begins_anew(&shape, &past, false, "too many workers");
}

WEFT_TEST(memory_is_handed_over_in_words)
{
    char text[8192];
    weft__fleet *c;
    WEFT_NEED(weft__fleet_new(&c, &shape, NULL) == 0);
    weft__handover h = { .fds = { c->bell }, .fd_count = 1, .elders = { { .pid = 4711, .told = true, .kill_ms = 123456789012 }, { .pid = 4712, .age = 2 }, { .pid = 4713, .goes = true } }, .elder_count = 3, .stop_ms = 27000, .past = weft__fleet_past_of(c) }, got = { 0 };
    int fds[WEFT__HANDOVER_FDS_MAX];
    WEFT_CHECK_EQ(weft__handover_fds(&h, fds), 1 + 3 + 7);
    WEFT_NEED(weft__handover_format("WEFT_TEST_HANDOVER", &h, text, sizeof text) && putenv(text) == 0);
    WEFT_NEED(weft__handover_take("WEFT_TEST_HANDOVER", &got));
    WEFT_CHECK_EQ(got.past.at, h.past.at);
    WEFT_CHECK_EQ(got.past.memory, h.past.memory);
    WEFT_CHECK_EQ(got.past.bell, h.past.bell);
    WEFT_CHECK_EQ(got.past.voices, h.past.voices);
    WEFT_CHECK_EQ(got.past.slots, 7);
    WEFT_CHECK(memcmp(got.past.bells, h.past.bells, 7 * sizeof *got.past.bells) == 0);
    WEFT_CHECK(got.elder_count == 3 && got.elders[1].pid == 4712 && got.elders[0].told && got.elders[2].goes);
    WEFT_CHECK(!got.elders[1].told && !got.elders[1].goes && !got.elders[2].told && got.elders[0].kill_ms == 123456789012);
    WEFT_CHECK(got.elders[0].age == 0 && got.elders[1].age == 2 && got.elders[2].age == 0);
    WEFT_CHECK_EQ(got.stop_ms, 27000);
    weft__fleet_free(c);
}

/* In the form of today. */
static void is_given(const char *text)
{
    char whole[256];
    snprintf(whole, sizeof whole, "v2:%s", text);
    WEFT_NEED(setenv("WEFT_TEST_HANDOVER", whole, 1) == 0);
}

WEFT_TEST(what_another_version_of_weft_hands_over_is_not_taken_for_ours)
{
    static const char *const others[] = { "", "3;", ";;0", "3;5;7fff,12", "=;;0", "v1:;;0", "v3:;;0", "v2", "v2;;0", "V2:;;0", " v2:;;0" };
    weft__handover got = { 0 };
    for (size_t i = 0; i < weft_count(others); i++) {
        WEFT_NEED(setenv("WEFT_TEST_HANDOVER", others[i], 1) == 0);
        WEFT_CHECK(!weft__handover_take("WEFT_TEST_HANDOVER", &got));
    }
    is_given("=;;0");
    WEFT_CHECK(weft__handover_take("WEFT_TEST_HANDOVER", &got) && got.given);
}

WEFT_TEST(a_trial_by_another_version_of_weft_says_what_to_do)
{
    enum { CANNOT_RUN = 126 };
    char said[512] = "";
    int err[2], status = 0;
    WEFT_NEED(pipe(err) == 0);
    pid_t pid = fork();
    WEFT_NEED(pid >= 0);
    if (pid == 0) {
        alarm(120);
        dup2(err[1], 2);
        close(err[0]);
        close(err[1]);
        setenv("WEFT__TRIAL", "3;", 1);
        execl("/proc/self/exe", "weft-tests", "--help", (char *)NULL);
        _exit(errno == ENOEXEC ? CANNOT_RUN : 2);
    }
    close(err[1]);
    for (size_t n = 0; n + 1 < sizeof said;) {
        ssize_t got = read(err[0], said + n, sizeof said - 1 - n);
        if (got <= 0) break;
        n += (size_t)got;
    }
    close(err[0]);
    WEFT_NEED(waitpid(pid, &status, 0) == pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_RUN) WEFT_SKIP("this machine runs no program of this kind by itself");
    WEFT_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    WEFT_CHECK(strstr(said, "it is of another version of weft") && strstr(said, "stop it, and start this one"));
}

WEFT_TEST(what_is_no_memory_is_not_handed_over)
{
    static const char *const bad[] = { ";;", ";;0;7f00", ";;0;7f00,2,2,2", ";;0;7f00,,", ";4711;0;7f00,9999,9998,9997,9996", ";;0;7f00,0,1,2" };
    for (size_t i = 0; i < weft_count(bad); i++) {
        weft__handover got = { 0 };
        is_given(bad[i]);
        WEFT_CHECK(!weft__handover_take("WEFT_TEST_HANDOVER", &got));
        WEFT_CHECK_EQ(got.past.slots, 0);
    }
}

WEFT_TEST(how_long_a_stop_takes_is_handed_over_as_a_number)
{
    static const struct { const char *text; bool good; } given[] = {
        { ";;0", true }, { ";4711!5,4712,4713-;27000", true }, { ";4711!0;1", true }, { ";4711+1,4712!5+2,4713-+3;1", true }, { ";4711+;1", false }, { ";4711+-1;1", false }, { ";4711+99999999999;1", false }, { ";4711+1+2;1", false }, { ";4711+1!5;1", false }, { ";4711!;1", false }, { ";4711!-5;1", false }, { ";4711!x;1", false }, { ";4711!99999999999999999999;1", false },
        { ";4711-5;1", false }, { ";4711!5!;1", false }, { ";1;1", false }, { ";-5;1", false }, { ";", false }, { ";;", false }, { ";;-1", false }, { ";;x", false }, { ";;1x", false }, { ";;99999999999999999999", false },
    };
    for (size_t i = 0; i < weft_count(given); i++) {
        weft__handover got = { 0 };
        is_given(given[i].text);
        WEFT_CHECK_EQ(weft__handover_take("WEFT_TEST_HANDOVER", &got), given[i].good);
    }
}
