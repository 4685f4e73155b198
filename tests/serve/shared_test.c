/* What the workers of a machine keep together: requests of one client are counted once, whoever answers them, and a key is done once. */
#define _GNU_SOURCE
#include <pthread.h>
#include "serve/crew.h"

static weft_metric made = WEFT_COUNTER("test_made_total", "Orders that were made.");

WEFT_INPUT(nap_in, query(int, ms, .initial = "0"));

static int who(const weft_none *in, int *out)
{
    (void)in;
    *out = getpid();
    return 0;
}

static int order(const nap_in *in, int *out)
{
    weft_counter_add(&made, 1);
    if (in->ms) WEFT_TRY(weft_sleep_ms(in->ms));
    *out = getpid();
    return 0;
}

static const weft_app app = { .title = "crew", .routes = WEFT_ROUTES(
    WEFT_GET("/who", who, weft_none, int),
    WEFT_GET("/limited", who, weft_none, int, .middleware = WEFT_MIDDLEWARE(weft_rate_limit(.limit = 10, .window_s = 100000, .header = "X-Key"))),
    WEFT_POST("/orders", order, nap_in, int, .middleware = WEFT_MIDDLEWARE(weft_idempotency(.entries_max = 400))),
    WEFT_METRICS("/metrics")) };

/* ---- a client ---- */

static bool send_with(int fd, const char *line, const char *header, const char *value)
{
    char text[256];
    int n = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: a\r\n%s: %s\r\n\r\n", line, header, value);
    return send(fd, text, (size_t)n, MSG_NOSIGNAL) == n;
}

/* The status; in *number what the body says, and whether it had been said before. */
static int ask_with(int fd, const char *line, const char *header, const char *value, int *number, bool *replayed)
{
    char text[4096];
    if (!send_with(fd, line, header, value)) return 0;
    int status = answer(fd, text, sizeof text, number);
    if (replayed) *replayed = status && strstr(text, "Idempotency-Replayed: true") != NULL;
    return status;
}

/* A connection to each of the two workers. */
typedef struct both { int fds[2], pids[2]; } both;
static both reach_both(int port)
{
    both b = { { dial(port), -1 }, { 0, 0 } };
    char text[4096];
    WEFT_NEED(b.fds[0] >= 0 && request(b.fds[0], "/who") && answer(b.fds[0], text, sizeof text, &b.pids[0]) == 200);
    for (int i = 0; i < 64 && b.fds[1] < 0; i++) {
        int fd = dial(port), pid = 0;
        WEFT_NEED(fd >= 0 && request(fd, "/who") && answer(fd, text, sizeof text, &pid) == 200);
        if (pid == b.pids[0]) {
            close(fd);
            continue;
        }
        b.fds[1] = fd;
        b.pids[1] = pid;
    }
    WEFT_NEED(b.fds[1] >= 0);
    return b;
}

static void leave_both(const both *b)
{
    close(b->fds[0]);
    close(b->fds[1]);
}

/* ---- rate limits ---- */

WEFT_TEST(a_client_has_one_limit_whichever_worker_answers)
{
    char text[8192];
    int number, status, good = 0, refused = 0;
    serving s = serve_app(&app, (weft_serve_opts){ .workers = 2 });
    both b = reach_both(s.port);
    for (int i = 0; i < 30; i++) {
        status = ask_with(b.fds[i % 2], "GET /limited", "X-Key", "one", &number, NULL);
        good += status == 200;
        refused += status == 429;
        WEFT_CHECK(status == (i < 10 ? 200 : 429));
    }
    WEFT_CHECK(good == 10 && refused == 20);
    WEFT_CHECK_EQ(ask_with(b.fds[0], "GET /limited", "X-Key", "other", &number, NULL), 200);
    WEFT_CHECK_EQ(ask_with(b.fds[1], "GET /limited", "X-Key", "other", &number, NULL), 200);
    kill(b.pids[0], SIGKILL);                        /* what was counted outlives who counted it */
    WEFT_CHECK(becomes(s.port, "weft_worker_restarts_total", 1));
    WEFT_CHECK(becomes(s.port, "weft_workers", 2));
    leave_both(&b);
    b = reach_both(s.port);
    for (int i = 0; i < 2; i++) WEFT_CHECK_EQ(ask_with(b.fds[i], "GET /limited", "X-Key", "one", &number, NULL), 429);
    leave_both(&b);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
}

enum { HANDS = 4, KEYS = 60, EACH = 40 };
typedef struct hand { int port, good, other; const char *line, *header; bool of_keys; } hand;

static void *work(void *arg)
{
    hand *h = arg;
    int fd = dial(h->port), number;
    for (int i = 0; fd >= 0 && i < (h->of_keys ? KEYS : EACH); i++) {
        char key[32] = "crowd";
        if (h->of_keys) snprintf(key, sizeof key, "key%d", i);
        int status = ask_with(fd, h->line, h->header, key, &number, NULL);
        h->good += status == 200;
        h->other += status == (h->of_keys ? 409 : 429);
    }
    if (fd >= 0) close(fd);
    return NULL;
}

static void all_at_once(hand *hands, hand as)
{
    pthread_t threads[HANDS];
    for (int i = 0; i < HANDS; i++) {
        hands[i] = as;
        WEFT_NEED(pthread_create(&threads[i], NULL, work, &hands[i]) == 0);
    }
    for (int i = 0; i < HANDS; i++) pthread_join(threads[i], NULL);
}

WEFT_TEST(a_crowd_at_two_workers_at_once_has_no_more_than_the_limit)
{
    char text[8192];
    int good = 0, refused = 0;
    hand hands[HANDS];
    serving s = serve_app(&app, (weft_serve_opts){ .workers = 2 });
    all_at_once(hands, (hand){ .port = s.port, .line = "GET /limited", .header = "X-Key" });
    for (int i = 0; i < HANDS; i++) {
        good += hands[i].good;
        refused += hands[i].other;
    }
    WEFT_CHECK_EQ(good + refused, HANDS * EACH);
    WEFT_CHECK(good == 10 || good == 11);            /* two may have met at its very beginning */
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
}

/* ---- idempotency keys ---- */

WEFT_TEST(a_key_is_done_once_whichever_worker_is_asked_again)
{
    char text[8192];
    int first = 0, again = 0;
    bool replayed = true;
    serving s = serve_app(&app, (weft_serve_opts){ .workers = 2 });
    both b = reach_both(s.port);
    WEFT_CHECK_EQ(ask_with(b.fds[0], "POST /orders", "Idempotency-Key", "k", &first, &replayed), 200);
    WEFT_CHECK(first == b.pids[0] && !replayed);
    for (int i = 0; i < 4; i++) {
        WEFT_CHECK_EQ(ask_with(b.fds[i % 2], "POST /orders", "Idempotency-Key", "k", &again, &replayed), 200);
        WEFT_CHECK(again == first && replayed);
    }
    kill(b.pids[0], SIGKILL);                        /* an answer outlives who gave it */
    WEFT_CHECK(becomes(s.port, "weft_worker_restarts_total", 1));
    WEFT_CHECK_EQ(ask_with(b.fds[1], "POST /orders", "Idempotency-Key", "k", &again, &replayed), 200);
    WEFT_CHECK(again == first && replayed);
    WEFT_CHECK(becomes(s.port, "test_made_total", 1));
    leave_both(&b);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
}

WEFT_TEST(what_another_worker_is_doing_is_a_conflict_until_it_has_or_has_died)
{
    char text[8192];
    int number = 0;
    bool replayed = false;
    serving s = serve_app(&app, (weft_serve_opts){ .workers = 2, .grace_ms = 100 });
    both b = reach_both(s.port);
    WEFT_NEED(send_with(b.fds[0], "POST /orders?ms=300", "Idempotency-Key", "slow"));
    nap_ms(50);
    WEFT_CHECK_EQ(ask_with(b.fds[1], "POST /orders?ms=300", "Idempotency-Key", "slow", &number, NULL), 409);
    WEFT_CHECK_EQ(answer(b.fds[0], text, sizeof text, &number), 200);
    WEFT_CHECK_EQ(ask_with(b.fds[1], "POST /orders?ms=300", "Idempotency-Key", "slow", &number, &replayed), 200);
    WEFT_CHECK(number == b.pids[0] && replayed);

    WEFT_NEED(send_with(b.fds[0], "POST /orders?ms=60000", "Idempotency-Key", "fatal"));
    nap_ms(50);
    kill(b.pids[0], SIGKILL);
    WEFT_CHECK(becomes(s.port, "weft_worker_restarts_total", 1));
    WEFT_NEED(send_with(b.fds[1], "POST /orders?ms=60000", "Idempotency-Key", "fatal"));
    WEFT_CHECK(becomes(s.port, "test_made_total", 3));       /* it is done again: nobody knows how far it came */
    leave_both(&b);
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
}

WEFT_TEST(of_a_crowd_with_the_same_keys_at_two_workers_each_is_done_once)
{
    char text[8192];
    hand hands[HANDS];
    serving s = serve_app(&app, (weft_serve_opts){ .workers = 2 });
    all_at_once(hands, (hand){ .port = s.port, .line = "POST /orders?ms=1", .header = "Idempotency-Key", .of_keys = true });
    for (int i = 0; i < HANDS; i++) WEFT_CHECK_EQ(hands[i].good + hands[i].other, KEYS);
    WEFT_CHECK(becomes(s.port, "test_made_total", KEYS));
    WEFT_CHECK_EQ(stop(&s, text, sizeof text), 0);
}
