/* Connections for users: what they read and write, and what hostile peers cannot do to them. */
#include "weft/net.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "os/os.h"
#include "task/world.h"

/* Two ends over a listener of its own. */
typedef struct ends { weft_conn *here, *there; } ends;

static int accept_one(weft_listener *const *l, weft_conn **out) { return weft_accept(*l, out); }

static void meet_with(ends *e, const weft_listen_opts *opts)
{
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen_with(&l, "127.0.0.1", 0, opts) == 0);
    WEFT_SCOPE(s);
    weft_task *accepting = weft_spawn(s, accept_one, &l, &e->there);
    WEFT_NEED(weft_connect(&e->here, "127.0.0.1", weft_listener_port(l)) == 0);
    WEFT_NEED(weft_await(accepting) == 0);
}

static void meet(ends *e) { meet_with(e, &(weft_listen_opts){ 0 }); }

static void part(ends *e)
{
    weft_conn_free(e->here);
    weft_conn_free(e->there);
}

static int say(weft_conn *c, const char *text) { return weft_conn_write(c, weft_str_of(text)); }

/* Says a text byte by byte, a millisecond apart. */
typedef struct dribble_in { weft_conn *c; const char *text; int ms; bool end; } dribble_in;
static int dribble(const dribble_in *in)
{
    for (const char *at = in->text; *at; at++) {
        WEFT_TRY(weft_conn_write(in->c, (weft_str){ at, 1 }));
        WEFT_TRY(weft_sleep_ms(in->ms));
    }
    return in->end ? weft_conn_end(in->c) : 0;
}

/* ---- reading ---- */

TASK_TEST(lines_come_one_by_one_whatever_their_end)
{
    ends e;
    weft_str line;
    meet(&e);
    WEFT_CHECK_EQ(say(e.here, "one\ntwo\r\n\n\r\nlast\rof all"), 0);
    WEFT_CHECK_EQ(weft_conn_end(e.here), 0);
    static const char *const expected[] = { "one", "two", "", "", "last\rof all" };
    for (size_t i = 0; i < weft_count(expected); i++) {
        WEFT_NEED(weft_conn_line(e.there, &line) == 1);
        WEFT_CHECK_STR(line, expected[i]);
        WEFT_CHECK_EQ(line.ptr[line.len], 0);
    }
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), 0);
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), 0);
    WEFT_NEED(say(e.there, "still here\n") == 0);
    WEFT_NEED(weft_conn_line(e.here, &line) == 1);
    WEFT_CHECK_STR(line, "still here");
    part(&e);
    return 0;
}

TASK_TEST(a_line_that_comes_byte_by_byte_is_one_line)
{
    ends e;
    weft_str line;
    meet(&e);
    WEFT_SCOPE(s);
    weft_spawn(s, dribble, (&(dribble_in){ e.here, "slow\r\nrest", 1, true }));
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), 1);
    WEFT_CHECK_STR(line, "slow");
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), 1);
    WEFT_CHECK_STR(line, "rest");
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), 0);
    WEFT_CHECK_EQ(weft_join(s), 0);
    part(&e);
    return 0;
}

static int flood(weft_conn *const *c, int *rc)
{
    char piece[1000];
    memset(piece, 'x', sizeof piece);
    do *rc = weft_conn_write(*c, (weft_str){ piece, sizeof piece });
    while (*rc == 0);
    return 0;
}

TASK_TEST(an_endless_line_is_refused_in_bounded_memory)
{
    ends e;
    weft_str line;
    meet_with(&e, &(weft_listen_opts){ .conn = { .buffer_bytes_max = 8000 } });
    int flooding = 0;
    WEFT_SCOPE(s);
    weft_task *flooder = weft_spawn(s, flood, &e.here, &flooding);
    long before = world_mem.bytes;
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), WEFT_ELIMIT);
    WEFT_CHECK(strstr(weft_error_of(WEFT_ELIMIT)->text, "sent a line of more than 8000 bytes") != NULL);
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), WEFT_ELIMIT);
    if (world_now.virtual_time) before += 256 * 1024;        /* the simulator's own buffers */
    WEFT_CHECK(world_mem.bytes - before < 64 * 1024);
    weft_conn_close(e.there);
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), WEFT_ECLOSED);
    weft_conn_close(e.here);
    WEFT_CHECK_EQ(weft_await(flooder), 0);
    WEFT_CHECK(flooding == WEFT_ECLOSED || flooding == WEFT_ECONNRESET);
    part(&e);
    return 0;
}

TASK_TEST(a_line_may_have_just_the_limit)
{
    ends e;
    weft_str line;
    meet_with(&e, &(weft_listen_opts){ .conn = { .buffer_bytes_max = 5 } });
    WEFT_CHECK_EQ(say(e.here, "12345\r\n12345\n12345"), 0);
    WEFT_CHECK_EQ(weft_conn_end(e.here), 0);
    for (int i = 0; i < 3; i++) {
        WEFT_NEED(weft_conn_line(e.there, &line) == 1);
        WEFT_CHECK_STR(line, "12345");
    }
    part(&e);
    meet_with(&e, &(weft_listen_opts){ .conn = { .buffer_bytes_max = 5 } });
    WEFT_NEED(say(e.here, "123456\n") == 0);
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), WEFT_ELIMIT);
    part(&e);
    return 0;
}

TASK_TEST(what_comes_before_a_delimiter_of_several_bytes)
{
    ends e;
    weft_str head;
    meet(&e);
    WEFT_SCOPE(s);
    weft_spawn(s, dribble, (&(dribble_in){ e.here, "a\r\n\r\r\n\r\nb--c", 1, true }));
    WEFT_CHECK_EQ(weft_conn_until(e.there, WEFT_S("\r\n\r\n"), 100, &head), 1);
    WEFT_CHECK_STR(head, "a\r\n\r");
    WEFT_CHECK_EQ(weft_conn_until(e.there, WEFT_S("--"), 0, &head), 1);
    WEFT_CHECK_STR(head, "b");
    WEFT_CHECK_EQ(weft_conn_until(e.there, WEFT_S("--"), 0, &head), WEFT_EOF);
    WEFT_CHECK(strstr(weft_error_of(WEFT_EOF)->text, "ended in the middle of a message, after 1 bytes") != NULL);
    WEFT_CHECK_EQ(weft_conn_read(e.there, &head), 1);
    WEFT_CHECK_STR(head, "c");
    WEFT_CHECK_EQ(weft_conn_until(e.there, WEFT_S("--"), 0, &head), 0);
    WEFT_CHECK_EQ(weft_conn_until(e.there, WEFT_S(""), 0, &head), WEFT_EINVAL);
    part(&e);
    return 0;
}

TASK_TEST(a_delimiter_beyond_its_limit_is_refused_and_nothing_is_taken)
{
    ends e;
    weft_str head;
    meet(&e);
    WEFT_CHECK_EQ(say(e.here, "12345;6;"), 0);
    WEFT_CHECK_EQ(weft_conn_until(e.there, WEFT_S(";"), 4, &head), WEFT_ELIMIT);
    WEFT_CHECK_EQ(weft_conn_until(e.there, WEFT_S(";"), 5, &head), 1);
    WEFT_CHECK_STR(head, "12345");
    WEFT_CHECK_EQ(weft_conn_until(e.there, WEFT_S(";"), 1, &head), 1);
    WEFT_CHECK_STR(head, "6");
    part(&e);
    return 0;
}

TASK_TEST(exactly_n_bytes_and_then_the_rest)
{
    ends e;
    weft_str got;
    char own[8] = "";
    meet(&e);
    WEFT_SCOPE(s);
    weft_spawn(s, dribble, (&(dribble_in){ e.here, "abcdefghij", 1, true }));
    WEFT_NEED(weft_conn_exactly(e.there, 4, &got) == 1);
    WEFT_CHECK_STR(got, "abcd");
    WEFT_CHECK_EQ(weft_conn_exactly(e.there, 3, &got), 1);
    WEFT_CHECK_STR(got, "efg");
    WEFT_CHECK_EQ(weft_sleep_ms(100), 0);
    WEFT_NEED(weft_conn_exactly(e.there, 1, &got) == 1);
    WEFT_CHECK_STR(got, "h");
    WEFT_CHECK_EQ(got.ptr[1], 0);                    /* where "i" will be again */
    WEFT_CHECK_EQ(weft_conn_read_into(e.there, own, 1), 1);
    WEFT_CHECK_EQ(own[0], 'i');
    WEFT_CHECK_EQ(weft_conn_exactly(e.there, 2, &got), WEFT_EOF);
    WEFT_CHECK_EQ(weft_conn_exactly(e.there, 1, &got), 1);
    WEFT_CHECK_EQ(weft_conn_exactly(e.there, 1, &got), 0);
    WEFT_CHECK_EQ(weft_conn_read_into(e.there, own, 8), 0);
    WEFT_CHECK_EQ(weft_conn_exactly(e.there, 65 * 1024, &got), WEFT_ELIMIT);
    WEFT_CHECK_EQ(weft_conn_exactly(e.there, 0, &got), WEFT_ELIMIT);
    part(&e);
    return 0;
}

/* A line is asked for again and again, each time for a moment only: no byte of it is lost. */
TASK_TEST(b12_a_read_that_is_cut_off_again_and_again_loses_nothing)
{
    enum { LINES = 20 };
    ends e;
    char text[LINES * 8 + 1] = "";
    for (int i = 0; i < LINES; i++) sprintf(text + strlen(text), "l%d\n", i);
    meet(&e);
    int cut = 0;
    WEFT_SCOPE(s);
    weft_spawn(s, dribble, (&(dribble_in){ e.here, text, 2, true }));
    for (int i = 0; i < LINES;) {
        weft_str line;
        char expected[16];
        WEFT_SCOPE(moment, .timeout_ms = 1);
        int rc = weft_conn_line(e.there, &line);
        cut += rc == WEFT_ETIMEDOUT;
        if (rc == WEFT_ETIMEDOUT) continue;
        WEFT_NEED(rc == 1);
        snprintf(expected, sizeof expected, "l%d", i++);
        WEFT_CHECK_STR(line, expected);
    }
    WEFT_CHECK(cut > LINES);
    part(&e);
    return 0;
}

TASK_TEST(a_cancelled_scope_takes_no_line_that_is_there)
{
    ends e;
    weft_str line;
    meet(&e);
    WEFT_NEED(say(e.here, "first\nsecond\n") == 0);
    WEFT_NEED(weft_conn_line(e.there, &line) == 1);
    {
        WEFT_SCOPE(s);
        weft_cancel(s);
        WEFT_CHECK_EQ(weft_conn_line(e.there, &line), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_conn_write(e.there, WEFT_S("never\n")), WEFT_ECANCELED);
    }
    WEFT_NEED(weft_conn_line(e.there, &line) == 1);
    WEFT_CHECK_STR(line, "second");
    WEFT_NEED(weft_conn_write(e.there, WEFT_S("but this\n")) == 0);
    WEFT_NEED(weft_conn_line(e.here, &line) == 1);
    WEFT_CHECK_STR(line, "but this");
    part(&e);
    return 0;
}

/* Its clean-up talks to the peer, for 20 ms at most; a connection that it leaves in the middle of something is dropped. */
typedef struct transaction { weft_conn *c; int rolled_back; } transaction;
static int transact(transaction *const *t)
{
    weft_str reply;
    int rc = weft_sleep_ms(FOREVER);
    WEFT_SCOPE(clean_up, .shield = true, .timeout_ms = 20);
    int said = weft_conn_write((*t)->c, WEFT_S("rollback\n"));
    (*t)->rolled_back = said < 0 ? said : weft_conn_line((*t)->c, &reply);
    if ((*t)->rolled_back < 1) weft_conn_close((*t)->c);
    return rc;
}

static void cancel_a_transaction(bool answered)
{
    ends e;
    weft_str line;
    meet(&e);
    transaction in = { e.here, 0 }, *at = &in;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, transact, &at);
    WEFT_CHECK_EQ(weft_sleep_ms(1), 0);
    int64_t start = weft_now_ns();
    weft_task_cancel(t);
    WEFT_NEED(weft_conn_line(e.there, &line) == 1);
    WEFT_CHECK_STR(line, "rollback");
    if (answered) WEFT_NEED(say(e.there, "done\n") == 0);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    WEFT_CHECK_EQ(in.rolled_back, answered ? 1 : WEFT_ETIMEDOUT);
    if (!answered) WORLD_TOOK(start, 20);
    if (answered) WEFT_CHECK_EQ(weft_conn_write(e.here, WEFT_S("begin\n")), 0);
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), answered);
    part(&e);
}

TASK_TEST(b16_a_clean_up_may_talk_to_a_peer_and_keeps_a_connection_that_it_has_put_in_order)
{
    cancel_a_transaction(true);
    return 0;
}

TASK_TEST(b16_after_its_bound_a_clean_up_drops_the_connection)
{
    cancel_a_transaction(false);
    return 0;
}

static int read_line(weft_conn *const *c, weft_str *out) { return weft_conn_line(*c, out) == 1 ? 0 : WEFT_EPROTO; }

TASK_TEST(b46_a_second_reader_is_told_at_once_who_reads)
{
    ends e;
    weft_str first, second;
    meet(&e);
    WEFT_SCOPE(s);
    weft_task *reader = weft_spawn(s, read_line, &e.there, &first);
    world_turn();
    WEFT_CHECK_EQ(weft_conn_line(e.there, &second), WEFT_EBUSY);
    WEFT_CHECK(strstr(weft_error_of(WEFT_EBUSY)->text, "task read_line does so already") != NULL);
    WEFT_CHECK_EQ(weft_conn_read(e.there, &second), WEFT_EBUSY);
    WEFT_CHECK_EQ(say(e.there, "writing is another thing\n"), 0);
    WEFT_NEED(say(e.here, "for the first\n") == 0);
    WEFT_CHECK_EQ(weft_await(reader), 0);
    WEFT_CHECK_STR(first, "for the first");
    part(&e);
    return 0;
}

static int line_code(weft_conn *const *c, int *out)
{
    weft_str line;
    *out = weft_conn_line(*c, &line);
    return 0;
}

TASK_TEST(b47_a_reader_is_told_when_its_connection_is_closed_or_freed)
{
    for (int freed = 0; freed < 2; freed++) {
        ends e;
        int rc = 0;
        meet(&e);
        WEFT_SCOPE(s);
        weft_task *reader = weft_spawn(s, line_code, &e.there, &rc);
        world_turn();
        if (freed) weft_conn_free(e.there);
        else weft_conn_close(e.there);
        WEFT_CHECK_EQ(weft_await(reader), 0);
        WEFT_CHECK_EQ(rc, WEFT_ECLOSED);
        weft_conn_free(e.here);
        if (!freed) weft_conn_free(e.there);
    }
    return 0;
}

TASK_TEST(a_peer_that_says_nothing_is_left_after_read_ms)
{
    ends e;
    weft_str line;
    meet_with(&e, &(weft_listen_opts){ .conn = { .read_ms = 30 } });
    int64_t began = weft_now_ns();
    WEFT_CHECK_EQ(say(e.here, "half"), 0);
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), WEFT_ETIMEDOUT);
    WORLD_TOOK(began, 30);
    WEFT_CHECK(strstr(weft_error_of(WEFT_ETIMEDOUT)->text, "reading from 127.0.0.1:") != NULL);
    WEFT_CHECK_EQ(say(e.here, " line\n"), 0);
    WEFT_CHECK_EQ(weft_conn_line(e.there, &line), 1);
    WEFT_CHECK_STR(line, "half line");
    part(&e);
    return 0;
}

/* A close with bytes that nobody has read is a reset. */
TASK_TEST(a_reset_in_the_middle_of_a_line_is_told_as_one)
{
    ends e;
    weft_str line;
    meet(&e);
    WEFT_CHECK_EQ(say(e.there, "not read"), 0);
    WEFT_CHECK_EQ(say(e.here, "half a li"), 0);
    WEFT_CHECK_EQ(weft_sleep_ms(20), 0);
    weft_conn_close(e.here);
    int rc = weft_conn_line(e.there, &line);
    WEFT_CHECK_EQ(rc, WEFT_ECONNRESET);
    for (int i = 0; i < 3; i++) rc = say(e.there, "to nobody");
    WEFT_CHECK(rc == WEFT_ECONNRESET || rc == WEFT_ECLOSED);
    part(&e);
    return 0;
}

/* ---- writing ---- */

static int drain(weft_conn *const *c, size_t *out)
{
    for (weft_str some;;) {
        int rc = weft_conn_read(*c, &some);
        if (rc <= 0) return rc;
        for (size_t i = 0; i < some.len; i++) {
            if (some.ptr[i] != (char)('a' + (*out + i) % 23)) return WEFT_EPROTO;
        }
        *out += some.len;
    }
}

TASK_TEST(many_bytes_in_many_pieces_arrive_whole_and_in_order)
{
    enum { BYTES = 3 * 1024 * 1024, PIECES = 21 };
    ends e;
    size_t came = 0;
    weft_str pieces[PIECES];
    char *bytes = malloc(BYTES);
    WEFT_NEED(bytes != NULL);
    for (size_t i = 0; i < BYTES; i++) bytes[i] = (char)('a' + i % 23);
    size_t at = 0;
    for (size_t i = 0; i < PIECES; i++) {
        size_t n = i % 3 == 2 ? 0 : i + 1 < PIECES ? BYTES / PIECES : BYTES;
        if (n > BYTES - at) n = BYTES - at;
        pieces[i] = (weft_str){ bytes + at, n };
        at += n;
    }
    pieces[PIECES - 2] = (weft_str){ bytes + (pieces[PIECES - 2].ptr - bytes), BYTES - (size_t)(pieces[PIECES - 2].ptr - bytes) };
    pieces[PIECES - 1].len = 0;
    meet(&e);
    WEFT_SCOPE(s);
    weft_task *reader = weft_spawn(s, drain, &e.there, &came);
    WEFT_CHECK_EQ(weft_conn_write_n(e.here, pieces, PIECES), 0);
    WEFT_CHECK_EQ(weft_conn_end(e.here), 0);
    WEFT_CHECK_EQ(weft_await(reader), 0);
    WEFT_CHECK_EQ(came, BYTES);
    free(bytes);
    part(&e);
    return 0;
}

TASK_TEST(a_write_that_was_cut_is_not_followed_by_others)
{
    ends e;
    char *much = calloc(1, 8 << 20);
    WEFT_NEED(much != NULL);
    meet(&e);
    {
        WEFT_SCOPE(s, .timeout_ms = 20);
        WEFT_CHECK_EQ(weft_conn_write(e.here, (weft_str){ much, 8 << 20 }), WEFT_ETIMEDOUT);
    }
    WEFT_CHECK_EQ(say(e.here, "what is this?"), WEFT_ECLOSED);
    WEFT_CHECK(strstr(weft_error_of(WEFT_ECLOSED)->text, "would be misread") != NULL);
    part(&e);
    free(much);
    return 0;
}

TASK_TEST(a_peer_that_takes_nothing_is_left_after_write_ms)
{
    ends e;
    char *much = calloc(1, 8 << 20);
    WEFT_NEED(much != NULL);
    meet_with(&e, &(weft_listen_opts){ .conn = { .write_ms = 50 } });
    WEFT_CHECK_EQ(weft_conn_write(e.there, (weft_str){ much, 8 << 20 }), WEFT_ETIMEDOUT);
    part(&e);
    free(much);
    return 0;
}

TASK_TEST(formatted_text_is_written_up_to_its_limit)
{
    ends e;
    weft_str line;
    char *much = malloc(70000);
    WEFT_NEED(much != NULL);
    memset(much, 'y', 69999);
    much[69999] = 0;
    meet_with(&e, &(weft_listen_opts){ .conn = { .buffer_bytes_max = 70000 } });
    WEFT_NEED(weft_conn_print(e.here, "%s %d\r\n", "n", 3) == 0);
    WEFT_NEED(weft_conn_print(e.here, "%.65000s\n", much) == 0);
    WEFT_CHECK_EQ(weft_conn_print(e.here, "%s\n", much), WEFT_ELIMIT);
    WEFT_NEED(weft_conn_line(e.there, &line) == 1);
    WEFT_CHECK_STR(line, "n 3");
    WEFT_NEED(weft_conn_line(e.there, &line) == 1);
    WEFT_CHECK_EQ(line.len, 65000);
    part(&e);
    free(much);
    return 0;
}

/* ---- connecting ---- */

TASK_TEST(addresses_are_told_from_both_ends)
{
    ends e;
    meet(&e);
    WEFT_CHECK(weft_str_equal(weft_conn_local(e.here), weft_conn_peer(e.there)));
    WEFT_CHECK(weft_str_equal(weft_conn_peer(e.here), weft_conn_local(e.there)));
    WEFT_CHECK(strncmp(weft_conn_peer(e.here).ptr, "127.0.0.1:", 10) == 0);
    part(&e);
    return 0;
}

TASK_TEST(who_cannot_be_connected_to_is_named)
{
    WEFT_CONN(c);
    WEFT_LISTENER(l);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 0) == 0);
    int port = weft_listener_port(l);
    weft_listener_close(l);
    char expected[80];
    snprintf(expected, sizeof expected, "cannot connect to 127.0.0.1:%d: connection refused", port);
    WEFT_CHECK_EQ(weft_connect(&c, "127.0.0.1", port), WEFT_ECONNREFUSED);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_ECONNREFUSED)->text), expected);
    WEFT_CHECK_EQ(weft_connect(&c, "127.0.0.1", 70000), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_connect(&c, NULL, 80), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_connect(&c, "127.0.0.1", port, .read_ms = -1), WEFT_EINVAL);
    char path[200] = "unix:";
    memset(path + 5, 'p', 150);
    WEFT_CHECK_EQ(weft_connect(&c, path, 0), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_connect(&c, "unix:/nowhere/at/all", 0), world_now.virtual_time ? WEFT_ECONNREFUSED : WEFT_ENOENT);
    WEFT_CHECK(c == NULL);
    return 0;
}

SIM_TEST(a_name_is_connected_to_and_one_that_is_none_is_told)
{
    WEFT_LISTENER(l);
    WEFT_CONN(c);
    WEFT_CHECK_EQ(weft__sim_name(world_now.os, "here.example", "127.0.0.1"), 0);
    WEFT_NEED(weft_listen(&l, "here.example", 9000) == 0);
    WEFT_CHECK_STR(weft_listener_address(l), "127.0.0.1:9000");
    WEFT_NEED(weft_connect(&c, "here.example", 9000) == 0);
    WEFT_CHECK_STR(weft_conn_peer(c), "here.example:9000");
    weft_conn_free(c);
    c = NULL;
    WEFT_CHECK_EQ(weft_connect(&c, "nowhere.example", 9000), WEFT_EDNS);
    WEFT_CHECK(strncmp(weft_error_of(WEFT_EDNS)->text, "cannot connect to nowhere.example:9000: ", 40) == 0);
    return 0;
}

SIM_TEST(a_connect_that_nobody_answers_ends_after_its_time)
{
    WEFT_LISTENER(l);
    WEFT_CONN(first);
    WEFT_CONN(c);
    WEFT_NEED(weft_listen(&l, "127.0.0.1", 9000, .backlog = 1) == 0);
    WEFT_NEED(weft_connect(&first, "127.0.0.1", 9000) == 0);
    int64_t began = weft_now_ns();
    WEFT_CHECK_EQ(weft_connect(&c, "127.0.0.1", 9000, .timeout_ms = 300), WEFT_ETIMEDOUT);
    WORLD_TOOK(began, 300);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_ETIMEDOUT)->text), "cannot connect to 127.0.0.1:9000: no answer within 300 ms");
    return 0;
}

/* Each allocation that a conversation makes fails once: a code, and nothing is left. */
static int converse(void)
{
    WEFT_LISTENER(l);
    WEFT_TRY(weft_listen(&l, "127.0.0.1", 9000));
    WEFT_CONN(here);
    WEFT_CONN(there);
    WEFT_TRY(weft_connect(&here, "localhost", 9000));
    WEFT_TRY(weft_accept(l, &there));
    WEFT_TRY(weft_conn_print(here, "%0600d\n", 7));
    weft_str line;
    int rc = weft_conn_line(there, &line);
    return rc == 1 ? 0 : rc;
}

WEFT_TEST(without_memory_a_conversation_fails_and_leaves_nothing)
{
    bool failed = true;
    for (long i = 0; failed; i++) {
        world_open_sim(0);
        world_mem.failures = 0;
        world_mem.fail_after = i;
        int rc = world_run(weft_call(converse));
        world_mem.fail_after = -1;
        failed = world_mem.failures > 0;
        if (!failed) WEFT_CHECK_EQ(rc, 0);
        if (failed) WEFT_CHECK(rc <= 0);
        world_close();
        WEFT_CHECK_EQ(world_mem.blocks, 0);
        WEFT_NEED(i < 1000);
    }
}
