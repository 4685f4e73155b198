#ifndef WEFT_TESTS_HTTP_SERVER_WORLD_H
#define WEFT_TESTS_HTTP_SERVER_WORLD_H
/* A world for tests of the server: one server, a handler that does what the path says, and peers
 * that say exactly the bytes a test wants. Over the simulator, with several seeds, and over the
 * kernel. Afterwards the server must end by itself, and neither memory nor descriptors may be left.
 */
#include "http/connection.h"
#include "os/sim.h"
#include "weft/check.h"

/* ---- the server ----
 *
 *   /hello      "hello"                           /echo       the body, or its fault
 *   /sleep/MS   "slept", or "cut" when cancelled  /watch/MS   the same; a client that leaves cancels
 *   /deaf/MS    "slept"; hears no cancel          /ignore     "ignored", the body unread
 *   /safe       "safe", without a wait; a client that leaves cancels
 *   /large/N    N bytes, made in the scratch      /arena/N    N bytes, made in the arena
 *   /status/N   that status and "body"            /none       no answer
 *   /twice      "first", then "second"            /lines/N    N bytes of header lines, "lines"
 *   /count/MS   how many bytes the body has, read piece by piece, so long after each
 *   /sip/N      the same, and no more of it than needed to have N
 *   /rows       its lines, with a '|' behind each
 *   /head       method, path, host, cookie and version, as handlers see them
 *   /keep/MS    "METHOD /path", after its head's bytes were given back
 *   /both/N     in parts: "here ", three times, and how many bytes the body has, which another task
 *               reads; that one begins N turns before the answer
 *   /parts/...  in parts: server_parts.c          /trail/...  with trailers: there, too
 *   /fields/N/M a large head: there, too
 *   /who        the client's address, the host, the scheme that a proxy told
 * all else: "other" */
typedef struct served {
    weft__server *server;
    weft_serve_opts opts;
    int port, run_rc;
    bool over;                       /* weft__server_run has returned */
    bool hangs;                      /* the test expects that it returns WEFT_ETIMEDOUT */
    int began, cut;                  /* handlers that began; those that were cancelled */
    size_t taken, sum;               /* bytes of a body that was read piece by piece */
    int last_rc;                     /* of the last sleep or body of a handler */
    char log[4096]; /* the paths answered, in the order in which their handlers began: "/a /b " */
} served;

/* plain: why it cannot hold over TLS; WEFT_TEST_TLS=1 runs it without. */
typedef struct server_test { void (*body)(served *s); weft_serve_opts opts; const char *plain; } server_test;

/* The body is a task. SERVER_TEST(name, .idle_timeout_ms = 50) { ... } runs in the simulator with
 * several seeds and on epoll; SERVER_SEEDS_TEST and SERVER_EPOLL_TEST in one of the two,
 * SERVER_CALM_TEST in the simulator with nothing late and nothing short. SERVER_PLAIN_TEST and SERVER_PLAIN_EPOLL_TEST say
 * why they are not held over TLS. */
#define SERVER__BODY_WITH(name, why, ...) \
    static void name(served *s); \
    static const server_test name##_test = { name, { __VA_ARGS__ }, why }
#define SERVER__BODY(name, ...) SERVER__BODY_WITH(name, NULL, __VA_ARGS__)
#define SERVER_TEST(name, ...) SERVER__BODY(name, __VA_ARGS__); \
    WEFT_TEST(name##__sim) { server_seeds(&name##_test); } \
    WEFT_TEST(name##__epoll) { server_epoll(&name##_test); } \
    static void name(served *s)
#define SERVER_SEEDS_TEST(name, ...) SERVER__BODY(name, __VA_ARGS__); \
    WEFT_TEST(name##__sim) { server_seeds(&name##_test); } \
    static void name(served *s)
#define SERVER_EPOLL_TEST(name, ...) SERVER__BODY(name, __VA_ARGS__); \
    WEFT_TEST(name##__epoll) { server_epoll(&name##_test); } \
    static void name(served *s)
#define SERVER_PLAIN_TEST(name, why, ...) SERVER__BODY_WITH(name, why, __VA_ARGS__); \
    WEFT_TEST(name##__sim) { server_seeds(&name##_test); } \
    WEFT_TEST(name##__epoll) { server_epoll(&name##_test); } \
    static void name(served *s)
#define SERVER_PLAIN_EPOLL_TEST(name, why, ...) SERVER__BODY_WITH(name, why, __VA_ARGS__); \
    WEFT_TEST(name##__epoll) { server_epoll(&name##_test); } \
    static void name(served *s)
#define SERVER_CALM_TEST(name, ...) SERVER__BODY(name, __VA_ARGS__); \
    WEFT_TEST(name##__sim) { server_sim(&name##_test, &(weft__sim_opts){ 0 }); } \
    static void name(served *s)
/* .host = OWN_ADDRESS: a loopback address that no other process of this machine listens on. A port of it that was given
 * up stays so; one of 127.0.0.1 may be anybody's in the next moment. */
#define OWN_ADDRESS "an address of its own"
void server_seeds(const server_test *t);
void server_epoll(const server_test *t);
void server_sim(const server_test *t, const weft__sim_opts *opts);
unsigned server_seed_count(unsigned usually); /* so many times more as WEFT_SEEDS has thousands */

void server_stop(served *s); /* gracefully, and wait until it is over; twice is once */
void server_wait(served *s);                         /* until it is over */
bool server_calm(void); /* nothing of this world is late, short or real */

/* Answers what is behind /parts/; behind /trail/; behind /fields/. */
void server_parts(served *s, weft__exchange *x, const char *what);
void server_trail(served *s, weft__exchange *x, const char *what);
void server_head(served *s, weft__exchange *x, const char *numbers);

/* Speak TLS on both sides: set before a world begins. Where WEFT_TEST_TLS is set all tests do, but those that say why not;
 * with fewer seeds, and no window is narrower than what TLS says before anybody reads. */
extern bool server_tls;
bool server_tls_everywhere(void);
/* Clients over IPv4 come as a listener for both families tells of them: ::ffff:127.0.0.1. Set before a world begins. */
extern bool server_mapped;
extern const char *server_alpn;                      /* what peers that connect offer; NULL: nothing */

/* ---- the world ---- */

extern weft__os *server_os;
extern weft__loop *server_loop;

/* All memory of weft. fail_after: how many more allocations succeed before one fails; -1: all. */
typedef struct server_memory { long blocks, bytes, peak, calls, fail_after, failed; } server_memory;
extern server_memory server_mem;
/* Calls of the os by either side. */
typedef struct server_calls { long recv, send, wait, accept; } server_calls;
extern server_calls server_count;

int64_t server_ms(void);                             /* the loop's clock */
void server_sleep(int ms);
/* Let what is on its way arrive and be worked on. */
void server_settle(void);
/* Wait until it holds; the test fails when that takes longer than a minute (virtual) or 10 s. */
#define SERVER_UNTIL(condition) do { \
    int64_t server__end = server_ms() + server_patience_ms(); \
    while (!(condition) && server_ms() < server__end) server_sleep(1); \
    WEFT_CHECK(condition); } while (0)
int64_t server_patience_ms(void);

/* What goes to stderr from here on, until server_captured gives it. */
void server_capture(void);
const char *server_captured(void);

/* ---- peers ---- */

typedef struct peer {
    weft__stream stream;
    char *got;                       /* all that came, with a NUL behind it */
    size_t have, at, room;           /* at: answers up to here were taken */
    bool ended;                      /* the server ended its side */
    int rc;                          /* why nothing more comes: 0 an end, or a code */
} peer;

/* Good until the peer reads more. */
typedef struct answer { int status; weft_str head, body; } answer;

peer *peer_open(const served *s);                     /* rc tells how connecting went */
/* One that says this, in one piece or byte by byte, before it speaks TLS. */
peer *peer_open_behind(const served *s, const void *before, size_t n, bool apart);
void peer_close(peer *p);                            /* and free it */
int peer_send(peer *p, const void *bytes, size_t n); /* reads meanwhile what comes */
int peer_send_blindly(peer *p, const void *bytes, size_t n);         /* reads nothing */
void peer_say(peer *p, const char *text);            /* all of it */
void peer_say_end(peer *p, const char *text);        /* and then ends its side */
bool peer_more(peer *p, int ms); /* read once; false: the end, an error, or nothing came in time */
/* The next answer with a length; false when the connection ends before it is whole. */
bool peer_answer(peer *p, answer *a);
bool peer_answer_to_head(peer *p, answer *a);
/* Everything until the server ends it, dates as "Date: #". */
const char *peer_rest(peer *p);
/* Nothing more comes but an orderly end. */
#define PEER_ENDS(p) \
    do { \
        (void)peer_rest(p); \
        WEFT_CHECK_EQ((p)->have, (p)->at); \
        WEFT_CHECK((p)->ended); \
    } while (0)
/* The header's value, empty when it is not there. */
weft_str answer_header(const answer *a, const char *name);
/* One whole exchange on a new connection: the status, 0 for none; the body in a static buffer of
 * 1023 bytes. */
int ask(const served *s, const char *request, const char **body);

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_CLOSE(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define POST(path, length, body) \
    "POST " path " HTTP/1.1\r\nHost: x\r\nContent-Length: " length "\r\n\r\n" body
#define POST_CHUNKED(path, body) \
    "POST " path " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" body
/* An answer is there and has this status and body. */
#define PEER_GETS(p, status_, body_) \
    do { \
        answer peer__a = { 0 }; \
        WEFT_CHECK(peer_answer((p), &peer__a)); \
        WEFT_CHECK_EQ(peer__a.status, (status_)); \
        WEFT_CHECK_STR(peer__a.body, (body_)); \
    } while (0)

/* The byte at place i of a body of /large/N or /arena/N. */
static inline char pattern_byte(size_t n, size_t i)
{
    return (char)('a' + (i * 7 + i / 26 + n) % 26);
}
bool is_pattern(weft_str body, size_t n);
#endif
