#ifndef WEFT_TESTS_REDIS_WORLD_H
#define WEFT_TESTS_REDIS_WORLD_H
/* Tests of Redis: against servers that say exactly the bytes a test wants, on epoll and in the simulator; and against real ones, which
 * are started for the test and end with it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/plan.h"
#include "task/world.h"
#include "weft/command.h"
#include "weft/net.h"
#include "weft/redis.h"
#include "weft/sync.h"

/* The text of this failure has the word in it. */
bool redis_says(int rc, const char *word);

/* ---- servers of the tests' own ---- */

enum { FAKE_WORDS = 40 };
typedef struct fake fake;
/* A command has come. What it returns that is negative ends the connection. */
typedef int fake_answer(fake *f, weft_conn *c, const weft_str *words, int count);
struct fake {
    fake_answer *answer;
    bool resp2;                      /* HELLO is unknown to it */
    void *ctx;
    int connections, commands;       /* that came; HELLO is none */
    weft_listener *l;
    char url[64];
};
int fake_serve(fake *const *f);
/* The next command of a connection: 1, or 0 at its end. */
int fake_read(weft_conn *c, weft_str *words, int *count);
#define FAKE(f, ...) \
    fake f = { __VA_ARGS__ }; \
    WEFT_LISTENER(f##_listener); \
    WEFT_TRY(weft_listen(&f##_listener, "127.0.0.1", 0)); \
    f.l = f##_listener; \
    snprintf(f.url, sizeof f.url, "redis://127.0.0.1:%d", weft_listener_port(f##_listener)); \
    WEFT_SCOPE(f##_scope); \
    fake *f##_at = &f; \
    weft_spawn(f##_scope, fake_serve, &f##_at)

/* ---- real ones ---- */

typedef struct redis_server { weft_command *c; char folder[200], url[300]; int port; } redis_server;
/* Start one in the test's folder, at a unix socket, with further arguments (NULL: none), and wait until it answers. Skips the test where there is
 * no redis-server. */
void redis_start(redis_server *s, const char *const *more);
void redis_stop(redis_server *s, int signal);
/* At the end of the block it is there no more. */
#define REDIS_SERVER(s, ...) redis_server s WEFT_CLEANUP(redis_leave) = { 0 }; redis_start(&s, (const char *const[]){ __VA_ARGS__ __VA_OPT__(,) NULL })
void redis_leave(redis_server *s);
/* Whether redis-server is there. */
bool redis_is_there(void);

#define REDIS_TEST(name) \
    static int name(void); \
    WEFT_TEST(name##__real) { if (!redis_is_there()) WEFT_SKIP("no redis-server"); world_epoll(weft_call(name)); } \
    static int name(void)
#endif
