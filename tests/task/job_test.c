/* Code that runs where no task is: it fails, allocates and pushes as a task does, and does not wait. */
#include "task/job.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "task/loop.h"
#include "weft/check.h"
#include "world.h"

typedef struct numbers { int *items; uint32_t count, room; } numbers;
typedef struct job { weft__job_context context; weft_arena arena; } job;

static void job_init(job *j, size_t bytes_max)
{
    *j = (job){ .context = { .kind = "weft_in_thread", .name = "resize",
        .instead = "nothing waits on a thread; call what blocks (sleep, read) instead", .arena = &j->arena } };
    weft__arena_init(&j->arena, NULL, bytes_max);
}

static void job_end(job *j)
{
    weft__job_end(&j->context);
    weft__arena_free(&j->arena);
}

static int job_run(job *j, weft_call call) { return weft__job_run(&j->context, &call); }

/* The text that the job recorded for a code. */
static const char *told(job *j, int rc)
{
    weft__record *r = weft__errors_find(&j->context.errors, rc);
    return r ? r->error.text : "(no record)";
}
#define CHECK_TOLD(j, rc, text) WEFT_CHECK_STR(weft_str_of(told((j), (rc))), text)

static int makes_things(const int *n, numbers *out)
{
    char *zeroed = weft_alloc(100);
    WEFT_NEED(zeroed != NULL);
    WEFT_CHECK_EQ(zeroed[99], 0);
    for (int i = 0; i < *n; i++) weft_push(out, i * i);
    for (int i = 0; i < 100; i++) {
        WEFT_TEMP;
        WEFT_CHECK(weft_alloc(64 * 1024) != NULL);
    }
    weft_str text = weft_format("%d squares", *n);
    WEFT_CHECK_STR(text, "9 squares");
    WEFT_CHECK(weft_task_self() == NULL);
    return 7;
}

WEFT_TEST(a_job_allocates_and_pushes_where_no_task_is)
{
    job j;
    numbers out = { 0 };
    job_init(&j, 1 << 20);
    WEFT_CHECK_EQ(job_run(&j, weft_call(makes_things, (&(int){ 9 }), &out)), 7);
    WEFT_NEED(out.count == 9);
    WEFT_CHECK_EQ(out.items[8], 64);
    WEFT_CHECK(weft__job_here() == NULL);
    job_end(&j);
}

static int fails_below(const int *n)
{
    WEFT_TRY(*n ? weft_fail(404, "no item %d", *n) : 0, "while looking");
    return 0;
}

WEFT_TEST(what_a_job_records_stays_with_the_job)
{
    job j;
    job_init(&j, 1 << 20);
    int rc = job_run(&j, weft_call(fails_below, (&(int){ 3 })));
    WEFT_CHECK_EQ(rc, WEFT_STATUS(404));
    CHECK_TOLD(&j, rc, "no item 3");
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "failed with an HTTP status");   /* here nothing is known of it */
    weft__record *r = weft__errors_take(&j.context.errors, rc);
    WEFT_NEED(r != NULL);
    WEFT_CHECK(r->shown);
    WEFT_CHECK(strstr(r->error.trace, ": while looking") != NULL);
    weft__record_free(r);
    job_end(&j);
}

static int looks_up_its_error(void)
{
    int rc = weft_fail(WEFT_EPROTO, "said %s", "nonsense");
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "said nonsense");
    return 0;
}

WEFT_TEST(a_job_finds_the_text_of_its_own_failure)
{
    job j;
    job_init(&j, 1 << 20);
    WEFT_CHECK_EQ(job_run(&j, weft_call(looks_up_its_error)), 0);
    job_end(&j);
}

static int sleeps(void) { return weft_sleep_ms(1); }
static int yields(void) { return weft_yield(); }
static int parks(void) { return weft__park("a wait for a read", INT64_MAX); }
static int nothing(void) { return 0; }
static int gathers(void) { return weft_gather(weft_call(nothing)); }

static int spawns(void)
{
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, nothing);
    WEFT_CHECK(weft_task_done(t));
    weft_scope_deadline(s, 5);
    weft_cancel(s);
    WEFT_CHECK_EQ(weft_join(s), WEFT_EINVAL);
    return weft_await(t);
}

WEFT_TEST(what_would_wait_in_a_job_fails_and_names_the_job)
{
    static const struct { weft_call call; const char *text; } cases[] = {
        { { .fn = (weft__fn *)sleeps }, "weft_sleep_ms inside weft_in_thread(resize): nothing waits on a thread; "
                                        "call what blocks (sleep, read) instead" },
        { { .fn = (weft__fn *)yields }, "weft_yield inside weft_in_thread(resize): nothing waits on a thread; "
                                        "call what blocks (sleep, read) instead" },
        { { .fn = (weft__fn *)parks }, "a wait for a read inside weft_in_thread(resize): nothing waits on a thread; "
                                       "call what blocks (sleep, read) instead" },
        { { .fn = (weft__fn *)gathers }, "weft_gather inside weft_in_thread(resize): nothing waits on a thread; "
                                         "call what blocks (sleep, read) instead" },
        { { .fn = (weft__fn *)spawns }, "weft_join inside weft_in_thread(resize): nothing waits on a thread; "
                                        "call what blocks (sleep, read) instead" },
    };
    for (size_t i = 0; i < weft_count(cases); i++) {
        job j;
        job_init(&j, 1 << 20);
        WEFT_CHECK_EQ(job_run(&j, cases[i].call), WEFT_EINVAL);
        CHECK_TOLD(&j, WEFT_EINVAL, cases[i].text);
        job_end(&j);
    }
}

WEFT_TEST(a_job_of_a_request_names_the_request)
{
    job j;
    job_init(&j, 1 << 20);
    j.context.label = "GET /images/{id}";
    WEFT_CHECK_EQ(job_run(&j, weft_call(sleeps)), WEFT_EINVAL);
    CHECK_TOLD(&j, WEFT_EINVAL, "weft_sleep_ms inside weft_in_thread(resize) for GET /images/{id}: nothing waits on a "
                                "thread; call what blocks (sleep, read) instead");
    job_end(&j);
}

static int pushes_too_much(const int *n, numbers *out)
{
    for (int i = 0; i < *n; i++) weft_push(out, i);
    return 0;
}

WEFT_TEST(a_job_whose_memory_gave_out_has_failed)
{
    job j;
    numbers out = { 0 };
    job_init(&j, 64 * 1024);
    WEFT_CHECK_EQ(job_run(&j, weft_call(pushes_too_much, (&(int){ 100000 }), &out)), WEFT_ELIMIT);
    CHECK_TOLD(&j, WEFT_ELIMIT, "the memory of weft_in_thread(resize): more than 65536 bytes");
    WEFT_CHECK(out.count < 100000);
    job_end(&j);
}

static void *on_a_thread(void *arg)
{
    job j;
    (void)arg;
    numbers out = { 0 };
    job_init(&j, 1 << 20);
    WEFT_CHECK_EQ(job_run(&j, weft_call(makes_things, (&(int){ 9 }), &out)), 7);
    WEFT_CHECK_EQ(job_run(&j, weft_call(sleeps)), WEFT_EINVAL);
    job_end(&j);
    return NULL;
}

TASK_TEST(a_task_and_jobs_on_threads_do_not_mix_their_errors)
{
    pthread_t threads[4];
    int rc = weft_fail(WEFT_EINVAL, "mine");
    for (int i = 0; i < 4; i++) WEFT_NEED(pthread_create(&threads[i], NULL, on_a_thread, NULL) == 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(rc)->text), "mine");
    return 0;
}

static void ends_the_program(void (*fn)(void), const char *said)
{
    char text[512];
    int status = world_last_words(fn, text, sizeof text);
    WEFT_CHECK(!(WIFEXITED(status) && WEXITSTATUS(status) == 0));
    WEFT_CHECK_STR(weft_str_of(text), said);
}

static void waits_nowhere(void) { world_ignore(weft_sleep_ms(1)); }
static int does_nothing(void) { return 0; }
static void spawns_nowhere(void)
{
    weft_scope of_nobody = { .opts = { 0 } };
    weft_spawn(&of_nobody, does_nothing);
}

WEFT_TEST(outside_of_tasks_and_jobs_a_wait_and_a_spawn_end_the_program_and_say_why)
{
    ends_the_program(waits_nowhere, "weft: weft_sleep_ms outside of a task: call it in what weft_run or a handler calls\n");
    ends_the_program(spawns_nowhere, "weft: weft_spawn outside of a task: call it in what weft_run or a handler calls\n");
}
