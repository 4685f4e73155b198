#ifndef WEFT_BASE_H
#define WEFT_BASE_H
/* Strings, error codes and the allocator hook: what every other header stands on. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What newer compilers refuse by themselves: one text where a list of them belongs, a number where a text does. */
#ifndef __cplusplus
#pragma GCC diagnostic error "-Wincompatible-pointer-types"
#pragma GCC diagnostic error "-Wint-conversion"
#endif

#define WEFT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define WEFT_NODISCARD __attribute__((warn_unused_result))
/* Of a variable: at the end of its block, however that is left, f(&variable) is called, those of later ones first. f may
 * wait; to do so also when the task was cancelled, in a shielded scope (task.h).
 *
 *     session s WEFT_CLEANUP(session_close) = { 0 };                             Example: examples/with.c  */
#define WEFT_CLEANUP(f) __attribute__((cleanup(f), unused))
#define WEFT__COLD __attribute__((cold, noinline))
#define WEFT__STR_(x) #x
#define WEFT__STR(x) WEFT__STR_(x)
#define WEFT__HERE __FILE__ ":" WEFT__STR(__LINE__)

/* Bytes with a length. What weft hands out is also NUL-terminated (ptr[len] == 0) unless its function
 * says otherwise; what you hand in need not be. Never owns its bytes.   Example: examples/items.c  */
typedef struct weft_str { const char *ptr; size_t len; } weft_str;

/* A weft_str of a string literal, also in a static initializer: WEFT_S("alfa"). */
#define WEFT_S(literal) ((weft_str){ "" literal, sizeof(literal) - 1 })

/* The two arguments of "%.*s": printf("%.*s\n", WEFT_FMT(name)). */
#define WEFT_FMT(s) (int)(s).len, (s).ptr

/* A weft_str over a C string; NULL gives the empty string. Waits: never. */
weft_str weft_str_of(const char *text);

/* True when both hold the same bytes. Waits: never. */
bool weft_str_equal(weft_str a, weft_str b);

/* How many elements an array has. */
#define weft_count(a) (sizeof(a) / sizeof *(a))

/* First member of every options struct, so that options are named: weft_serve(&app, .port = 8000). */
typedef struct weft__named *weft__named_options_only;

/* Error codes are negative ints; zero and above is success. Those below -10000 carry an HTTP status
 * (WEFT_STATUS), the others name what went wrong. weft_error_of tells the text of one (task.h). */
enum {
    WEFT_OK = 0,
    WEFT_EINVAL = -22,         /* an argument that makes no sense */
    WEFT_ENOMEM = -12,         /* no memory, or a limit on memory was reached */
    WEFT_EBUSY = -16,          /* another task is already waiting for this */
    WEFT_ENOENT = -2,          /* no such thing */
    WEFT_ECONNREFUSED = -111,  /* nobody listens there */
    WEFT_ECONNRESET = -104,    /* the peer broke the connection off */
    WEFT_ETIMEDOUT = -110,     /* a deadline passed */
    WEFT_ECANCELED = -125,     /* the scope around this was cancelled */
    WEFT_EPROTO = -71,         /* the peer said what its protocol forbids */
    WEFT_ELIMIT = -7,          /* a stated limit was passed */
    WEFT_EDEADLK = -35,        /* a wait that nothing could end: for oneself, or (simulator) everybody waits */
    WEFT_ECLOSED = -4094,      /* used after it was closed */
    WEFT_EOF = -4095,          /* the peer ended its side */
    WEFT_EDNS = -4096,         /* a host name that does not resolve */
    WEFT_ENOSTART = -4097,     /* a task that was to start returned without saying that it had */
    WEFT_ECRASHED = -4098,     /* the process that this ran in has ended */
    WEFT_EFAILED = -4099,      /* a program that was run did not succeed */
    WEFT_ETLS = -4100,         /* no TLS with this peer; this and the following: tls.h */
    WEFT_ETLS_NONE = -4101,    /* it does not speak TLS */
    WEFT_ETLS_CUT = -4102,     /* it ended the connection in the middle of the handshake */
    WEFT_ETLS_VERSION = -4103, /* it speaks versions only that are too old */
    WEFT_ECERT = -4104,        /* its certificate proves nothing */
    WEFT_ECERT_EXPIRED = -4105,
    WEFT_ECERT_EARLY = -4106,  /* not valid yet */
    WEFT_ECERT_HOST = -4107,   /* for other names */
    WEFT_ECERT_SELF = -4108,   /* signed by itself */
    WEFT_ECERT_CA = -4109,     /* signed by somebody who is not believed */
    WEFT_ECERT_REVOKED = -4110,
    WEFT_EDB = -4200,          /* the database refused it, or a row does not fit; this and the following: db.h */
    WEFT_EDB_UNIQUE = -4201,   /* a value that may be there once is there already */
    WEFT_EDB_REFERENCE = -4202,/* a row that another one refers to is not there */
    WEFT_EDB_CHECK = -4203,    /* a value that the table does not allow */
    WEFT_EDB_BUSY = -4204,     /* no connection or lock became free in time */
    WEFT_EDB_FULL = -4205,     /* no room on the disk */
    WEFT_EDB_READ_ONLY = -4206,
    WEFT_EDB_CORRUPT = -4207,  /* the file is damaged, or no database */
    WEFT_EDB_IO = -4208,       /* the file cannot be opened, read or written */
    WEFT_EDB_AWAY = -4209,     /* the server cannot be reached now; nothing was sent to it */
    WEFT_EDB_LOST = -4210,     /* the connection broke while a statement ran: whether it has changed something is not known */
    WEFT_EREDIS = -4220,       /* Redis answered with an error, or with what does not fit; this and the following: redis.h */
    WEFT_EREDIS_DOWN = -4221   /* it cannot be reached, or is not ready */
};

/* The code that weft_fail(404, ...) returns. */
#define WEFT_STATUS(status) (-(10000 + (status)))

/* All memory of weft that is not mapped for stacks goes through one hook: set it before anything else of
 * weft runs. `resize(ctx, NULL, n)` allocates, `resize(ctx, p, 0)` frees and returns NULL, and NULL for
 * n > 0 means none is left: weft passes that on as WEFT_ENOMEM and loses nothing. It is called from several
 * threads at once, and what one took another may give back. Waits: never.  */
typedef void *weft_resize_fn(void *ctx, void *ptr, size_t size);
void weft_set_allocator(weft_resize_fn *resize, void *ctx);
#endif
