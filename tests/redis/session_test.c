/* Sessions that lose their connection, lack memory, or belong elsewhere: what has not run is never said to may have. */
#include "redis/inside.h"
#include "redis_world.h"
#include "weft/thread.h"

static int ok(fake *f, weft_conn *c, const weft_str *words, int count)
{
    (void)f, (void)words, (void)count;
    return weft_conn_write(c, WEFT_S("+OK\r\n"));
}

/* Ends each connection behind its first answer. */
static int one_each(fake *f, weft_conn *c, const weft_str *words, int count)
{
    WEFT_TRY(ok(f, c, words, count));
    return WEFT_ECLOSED;
}

TASK_TEST(a_session_that_lost_its_connection_says_that_the_next_command_has_not_run_and_then_that_it_has_ended)
{
    weft_redis *r;
    FAKE(f, .answer = one_each);
    WEFT_TRY(weft_redis_open(f.url, &r));
    {
        WEFT_REDIS_SESSION(s, r);
        WEFT_CHECK_EQ(weft_redis_do(s, "WATCH a"), 1);
        WEFT_TRY(weft_sleep_ms(5));
        WEFT_CHECK_EQ(weft_redis_do(s, "INCR a"), WEFT_EREDIS_DOWN);
        WEFT_CHECK(redis_says(WEFT_EREDIS_DOWN, "has not run") && redis_says(WEFT_EREDIS_DOWN, "ended by the server") && redis_says(WEFT_EREDIS_DOWN, "INCR a"));
        WEFT_CHECK_EQ(weft_error_of(WEFT_EREDIS_DOWN)->status, 503);
        WEFT_CHECK_EQ(weft_redis_do(s, "INCR a"), WEFT_ECLOSED);
    }
    WEFT_CHECK_EQ(f.commands, 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

static int half(fake *f, weft_conn *c, const weft_str *words, int count)
{
    if (weft_str_equal(words[0], WEFT_S("INCR"))) return WEFT_ECLOSED;
    return ok(f, c, words, count);
}

TASK_TEST(a_session_whose_command_was_sent_and_lost_says_that_it_may_have_run)
{
    weft_redis *r;
    FAKE(f, .answer = half);
    WEFT_TRY(weft_redis_open(f.url, &r));
    {
        WEFT_REDIS_SESSION(s, r);
        WEFT_CHECK_EQ(weft_redis_do(s, "WATCH a"), 1);
        WEFT_CHECK_EQ(weft_redis_do(s, "INCR a"), WEFT_ECONNRESET);
        WEFT_CHECK(redis_says(WEFT_ECONNRESET, "may have run"));
        WEFT_CHECK_EQ(weft_redis_do(s, "INCR a"), WEFT_ECLOSED);
    }
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

/* ---- no memory ---- */

SIM_TEST(a_session_for_which_there_was_no_memory_says_so_at_its_first_command)
{
    weft_redis *r;
    FAKE(f, .answer = ok);
    WEFT_TRY(weft_redis_open(f.url, &r));
    world_mem.fail_after = 0;
    {
        WEFT_REDIS_SESSION(s, r);
        world_mem.fail_after = -1;
        WEFT_CHECK_EQ(weft_redis_do(s, "WATCH a"), WEFT_ENOMEM);
        WEFT_CHECK(redis_says(WEFT_ENOMEM, "no memory for this session"));
        WEFT_REDIS_SESSION(within, s);
        WEFT_CHECK_EQ(weft_redis_do(within, "WATCH a"), WEFT_ENOMEM);
        WEFT_REDIS_SUB(sub);
        WEFT_CHECK_EQ(weft_redis_subscribe(s, &sub, "a"), WEFT_ENOMEM);
        WEFT_CHECK(weft_redis_close(s, 0) == WEFT_EINVAL);
    }
    WEFT_CHECK_EQ(weft_redis_do(r, "GET a"), 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

/* A command that is larger than what was sent before needs memory in each of its steps. */
SIM_TEST(a_command_of_a_session_that_was_not_sent_for_want_of_memory_does_not_end_it)
{
    enum { LARGE = 20000, MANY = 40 };
    int refused = 0, n = 0;
    char *large = weft_alloc(LARGE + 1);
    memset(large, 'x', LARGE);
    FAKE(f, .answer = ok);
    for (int rc = WEFT_ENOMEM; rc < 0 && n < MANY; n++) {
        weft_redis *r;
        WEFT_TRY(weft_redis_open(f.url, &r));
        {
            WEFT_REDIS_SESSION(s, r);
            WEFT_CHECK_EQ(weft_redis_do(s, "WATCH a"), 1);
            int before = f.commands;
            world_mem.fail_after = n;
            rc = weft_redis_do(s, "SET a {}", large);
            world_mem.fail_after = -1;
            bool sent = f.commands != before;
            WEFT_CHECK(rc == 1 || rc == WEFT_ENOMEM || rc == WEFT_ECONNRESET || (rc == WEFT_EREDIS_DOWN && !sent));
            if (rc == WEFT_ENOMEM && !sent) {
                refused++;
                WEFT_CHECK_EQ(weft_redis_do(s, "GET a"), 1);
            }
        }
        WEFT_TRY(weft_redis_close(r, 0));
    }
    WEFT_CHECK(refused >= 2 && n < MANY);
    weft_cancel(f_scope);
    return 0;
}

/* ---- elsewhere ---- */

static int use_elsewhere(weft_redis *const *r)
{
    WEFT_REDIS_SESSION(s, *r);
    int rc = weft_redis_do(s, "WATCH a");
    WEFT_CHECK(rc < 0);
    return 0;
}

TASK_TEST(a_session_that_another_thread_begins_touches_nothing_of_the_redis)
{
    weft_redis *r;
    FAKE(f, .answer = ok);
    WEFT_TRY(weft_redis_open(f.url, &r));
    WEFT_CHECK_EQ(r->refs, 1);
    WEFT_TRY(weft_thread_call(weft_call(use_elsewhere, &r)));
    WEFT_CHECK_EQ(r->refs, 1);
    WEFT_CHECK_EQ(r->inside, 0);
    {
        WEFT_REDIS_SESSION(s, r);
        WEFT_CHECK_EQ(r->refs, 2);
        WEFT_CHECK_EQ(weft_redis_do(s, "WATCH a"), 1);
    }
    WEFT_CHECK_EQ(r->refs, 1);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}

/* ---- a server that is no master any more ---- */

static int become_replica(weft_redis *r, bool replica)
{
    return replica ? weft_redis_do(r, "REPLICAOF 127.0.0.1 1") : weft_redis_do(r, "REPLICAOF NO ONE");
}

static int id_of(weft_redis *r, int64_t *id) { return weft_redis_value(r, int64_t, id, "CLIENT ID"); }

REDIS_TEST(a_server_that_is_no_master_any_more_is_left_whichever_reply_says_so)
{
    weft_redis *r, *control;
    weft_opt_weft_str v;
    int64_t before, behind, own;
    REDIS_SERVER(server);
    WEFT_TRY(weft_redis_open(server.url, &r));
    WEFT_TRY(weft_redis_open(server.url, &control));
    WEFT_TRY(become_replica(control, true));
    WEFT_TRY(id_of(r, &before));
    WEFT_CHECK_EQ(weft_redis_batch(r, weft_redis_step_value(weft_opt_weft_str, &v, "GET a"), weft_redis_step("SET a 1")), WEFT_EREDIS_DOWN);
    WEFT_CHECK(weft_redis_said(WEFT_EREDIS_DOWN, "READONLY"));
    WEFT_TRY(id_of(r, &behind));
    WEFT_CHECK(behind != before);
    WEFT_CHECK_EQ(weft_redis_atomic(r, weft_redis_step("GET a"), weft_redis_step("SET a 1")), WEFT_EREDIS_DOWN);
    WEFT_TRY(id_of(r, &before));
    WEFT_CHECK(behind != before);
    {
        WEFT_REDIS_SESSION(s, r);
        WEFT_TRY(id_of(s, &own));
        WEFT_CHECK_EQ(weft_redis_do(s, "SET a 1"), WEFT_EREDIS_DOWN);
        WEFT_TRY(id_of(s, &behind));
        WEFT_CHECK_EQ(behind, own);                  /* what was watched is still: it is the session's to give up */
    }
    WEFT_REDIS_SESSION(s, r);
    WEFT_TRY(id_of(s, &behind));
    WEFT_CHECK(behind != own);
    WEFT_TRY(become_replica(control, false));
    WEFT_CHECK_EQ(weft_redis_do(s, "SET a 1"), 1);
    WEFT_TRY(weft_redis_close(control, 0));
    return weft_redis_close(r, 0);
}

static int readonly_in_exec(fake *f, weft_conn *c, const weft_str *words, int count)
{
    if (f->connections > 1 || weft_str_equal(words[0], WEFT_S("MULTI"))) return ok(f, c, words, count);
    if (!weft_str_equal(words[0], WEFT_S("EXEC"))) return weft_conn_write(c, WEFT_S("+QUEUED\r\n"));
    return weft_conn_write(c, WEFT_S("*2\r\n$10\r\n -READONLY\r\n-READONLY You can't write against a read only replica.\r\n"));
}

TASK_TEST(a_server_that_became_a_replica_while_a_transaction_ran_is_left)
{
    weft_redis *r;
    FAKE(f, .answer = readonly_in_exec);
    WEFT_TRY(weft_redis_open(f.url, &r));
    WEFT_CHECK_EQ(weft_redis_atomic(r, weft_redis_step("GET a"), weft_redis_step("SET a 1")), WEFT_EREDIS_DOWN);
    WEFT_CHECK_EQ(weft_redis_do(r, "SET a 1"), 1);
    WEFT_CHECK_EQ(f.connections, 2);
    WEFT_TRY(weft_redis_close(r, 0));
    weft_cancel(f_scope);
    return 0;
}
