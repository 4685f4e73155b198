#define _GNU_SOURCE
#include "task/error.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/plain.h"
#include "os/stderr.h"
#include "task/fiber.h"
#include "task/job.h"

static const weft_error codes[] = {
    { WEFT_OK, 200, "no error", "" },
    { WEFT_EINVAL, 500, "an argument that makes no sense", "" },
    { WEFT_ENOMEM, 500, "no memory left", "" },
    { WEFT_EBUSY, 500, "another task is already waiting for this", "" },
    { WEFT_ENOENT, 404, "no such thing", "" },
    { WEFT_ECONNREFUSED, 502, "connection refused", "" },
    { WEFT_ECONNRESET, 502, "connection broken off by the peer", "" },
    { WEFT_ETIMEDOUT, 504, "the deadline passed", "" },
    { WEFT_ECANCELED, 503, "cancelled", "" },
    { WEFT_EPROTO, 502, "the peer broke its protocol", "" },
    { WEFT_ELIMIT, 500, "a limit was passed", "" },
    { WEFT_EDEADLK, 500, "nothing is left that could end this wait", "" },
    { WEFT_ECLOSED, 500, "used after it was closed", "" },
    { WEFT_EOF, 502, "the peer ended its side", "" },
    { WEFT_EDNS, 502, "a host name that does not resolve", "" },
    { WEFT_ENOSTART, 500, "a task that was to start returned without saying that it had", "" },
    { WEFT_ECRASHED, 500, "the process that this ran in has ended", "" },
    { WEFT_EFAILED, 500, "a program that was run did not succeed", "" },
    { WEFT_ETLS, 502, "no TLS with the peer", "" },
    { WEFT_ETLS_NONE, 502, "the peer does not speak TLS", "" },
    { WEFT_ETLS_CUT, 502, "the peer ended the connection in the middle of the TLS handshake", "" },
    { WEFT_ETLS_VERSION, 502, "the peer speaks versions of TLS only that are too old", "" },
    { WEFT_ECERT, 502, "the peer's certificate is no proof", "" },
    { WEFT_ECERT_EXPIRED, 502, "the peer's certificate has expired", "" },
    { WEFT_ECERT_EARLY, 502, "the peer's certificate is not valid yet", "" },
    { WEFT_ECERT_HOST, 502, "the peer's certificate is for other names", "" },
    { WEFT_ECERT_SELF, 502, "the peer's certificate is signed by itself", "" },
    { WEFT_ECERT_CA, 502, "the peer's certificate is signed by somebody who is not believed", "" },
    { WEFT_ECERT_REVOKED, 502, "the peer's certificate was revoked", "" },
    { WEFT_EDB, 500, "the database refused it", "" },
    { WEFT_EDB_UNIQUE, 409, "a value that may be there once is there already", "" },
    { WEFT_EDB_REFERENCE, 409, "a row that another one refers to is not there", "" },
    { WEFT_EDB_CHECK, 422, "a value that the table does not allow", "" },
    { WEFT_EDB_BUSY, 503, "no connection or lock of the database became free in time", "" },
    { WEFT_EDB_FULL, 500, "no room for the database on the disk", "" },
    { WEFT_EDB_READ_ONLY, 500, "the database cannot be written", "" },
    { WEFT_EDB_CORRUPT, 500, "the database is damaged, or none", "" },
    { WEFT_EDB_IO, 500, "the database cannot be opened, read or written", "" },
    { WEFT_EDB_AWAY, 503, "the database cannot be reached now", "" },
    { WEFT_EDB_LOST, 503, "the connection to the database broke while a statement ran", "" },
    { WEFT_EREDIS, 500, "Redis refused it", "" },
    { WEFT_EREDIS_DOWN, 503, "Redis cannot be reached", "" },
};

static const weft_error *known(int code)
{
    for (size_t i = 0; i < weft_count(codes); i++) {
        if (codes[i].code == code) return &codes[i];
    }
    return NULL;
}

static bool is_status(int code) { return code <= WEFT_STATUS(100) && code >= WEFT_STATUS(599); }

const char *weft__code_text(int code)
{
    const weft_error *e = known(code);
    if (e) return e->text;
    if (is_status(code)) return "failed with an HTTP status";
    /* Not strerror: what it says of an unknown number is gone when it is asked for the next. */
    const char *text = strerrordesc_np((int)(0u - (unsigned)code));
    return text ? text : "an error without a name";
}

int weft__code_status(int code)
{
    const weft_error *e = known(code);
    if (e) return e->status;
    return is_status(code) ? -code - 10000 : 500;
}

/* Several of the others may be looked at together: a ring, as long as the records a task keeps. */
const weft_error *weft__code_error(int code)
{
    static _Thread_local weft_error ring[WEFT__ERRORS_KEPT];
    static _Thread_local unsigned next;
    const weft_error *e = known(code);
    if (e) return e;
    for (unsigned i = 0; i < WEFT__ERRORS_KEPT; i++) {
        if (ring[i].text && ring[i].code == code) return &ring[i];
    }
    weft_error *other = &ring[next++ % WEFT__ERRORS_KEPT];
    *other = (weft_error){ code, weft__code_status(code), weft__code_text(code), "" };
    return other;
}

void weft__record_free(weft__record *r)
{
    if (!r) return;
    weft__buf_free(&r->text);
    weft__buf_free(&r->trace);
    weft__buf_free(&r->headers);
    weft__buf_free(&r->detail);
    weft__free(r);
}

static void record_ends(weft__record *r)
{
    r->error.text = r->text.len ? r->text.ptr : weft__code_text(r->error.code);
    r->error.trace = r->trace.len ? r->trace.ptr : "";
}

weft__record *weft__record_new(int code, int status, const char *place)
{
    weft__record *r = weft__calloc(sizeof *r);
    if (!r) return NULL;
    r->error = (weft_error){ .code = code, .status = status ? status : weft__code_status(code) };
    weft__buf_init(&r->text, WEFT__ERROR_TEXT_MAX);
    weft__buf_init(&r->trace, WEFT__ERROR_TRACE_MAX);
    weft__buf_init(&r->headers, WEFT__ERROR_HEADERS_MAX);
    weft__buf_init(&r->detail, WEFT__ERROR_DETAIL_MAX);
    record_ends(r);
    if (place) weft__record_line(r, "at %s", place);
    return r;
}

static void buf_set(weft__buf *to, weft_str s)
{
    weft__buf_add_str(to, s);
    weft__buf_add_char(to, 0);
    if (to->len) to->len--;
    if (to->failed) weft__buf_free(to);
}

weft__record *weft__record_of(int code, int status, bool shown, const weft__record_texts *texts)
{
    weft__record *r = weft__record_new(code, status, NULL);
    if (!r) return NULL;
    r->shown = shown;
    buf_set(&r->text, texts->text);
    buf_set(&r->trace, texts->trace);
    if (texts->headers.len) buf_set(&r->headers, texts->headers);
    if (texts->detail.len) buf_set(&r->detail, texts->detail);
    record_ends(r);
    return r;
}

weft__record *weft__record_copy(const weft__record *r)
{
    if (!r) return NULL;
    weft__record_texts texts = { weft__buf_str(&r->text), weft__buf_str(&r->trace), weft__buf_str(&r->headers), weft__buf_str(&r->detail) };
    return weft__record_of(r->error.code, r->error.status, r->shown, &texts);
}

/* On a line of its own. Text is always NUL-terminated: a line that does not fit is cut, one without memory is left
 * out whole; neither is an error of its own. */
static void add_line(weft__buf *b, const char *line, size_t len)
{
    size_t room = b->bytes_max - b->len - 1, end = b->len > 0;
    if (room <= end) return;
    if (len > room - end) len = room - end;
    char *to = weft__buf_reserve(b, end + len + 1);
    if (!to) {
        b->failed = 0;
        return;
    }
    if (end) *to = '\n';
    memcpy(to + end, line, len);
    b->len += end + len;
    b->ptr[b->len] = 0;
}

/* What a text or a line is made of, cut where it is too long. */
typedef struct said { char text[WEFT__ERROR_TEXT_MAX]; size_t len; } said;

static void say(said *s, const char *fmt, va_list args)
{
    int n = vsnprintf(s->text, sizeof s->text, fmt, args);
    s->len = n < 0 ? 0 : (size_t)n < sizeof s->text ? (size_t)n : sizeof s->text - 1;
}

/* A trace has a line for each place: what a peer said must not make up others. */
void weft__record_line(weft__record *r, const char *fmt, ...)
{
    said s;
    char plain[WEFT__ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    say(&s, fmt, args);
    va_end(args);
    add_line(&r->trace, plain, weft__plain(&(weft_str){ s.text, s.len }, plain, sizeof plain, false));
    record_ends(r);
}

weft__record *weft__errors_find(weft__errors *e, int code)
{
    for (unsigned i = 1; i <= WEFT__ERRORS_KEPT; i++) {
        weft__record *r = e->kept[(e->next - i) % WEFT__ERRORS_KEPT];
        if (r && r->error.code == code && !r->over) return r;
    }
    return NULL;
}

void weft__errors_over(weft__errors *e, int code)
{
    for (weft__record *r; (r = weft__errors_find(e, code));) r->over = true;
}

weft__record *weft__errors_take(weft__errors *e, int code)
{
    weft__record *r = weft__errors_find(e, code);
    for (unsigned i = 0; r && i < WEFT__ERRORS_KEPT; i++) {
        if (e->kept[i] == r) e->kept[i] = NULL;
    }
    return r;
}

void weft__errors_put(weft__errors *e, weft__record *r)
{
    if (!e) weft__record_free(r);                    /* no memory for the task's list: the text is lost */
    if (!e || !r) return;
    unsigned at = e->next++ % WEFT__ERRORS_KEPT;
    weft__record_free(e->kept[at]);
    e->kept[at] = r;
}

void weft__errors_drop(weft__errors *e)
{
    for (unsigned i = 0; i < WEFT__ERRORS_KEPT; i++) weft__record_free(e->kept[i]);
    *e = (weft__errors){ 0 };
}

const char *weft__plain_text(weft__plain_line *to, const char *text)
{
    weft_str rest = weft_str_of(text);
    size_t n = weft__plain(&rest, to->text, sizeof to->text - 3, false);
    if (rest.len) strcpy(to->text + n, "...");
    return to->text;
}

void (*weft__say_instead)(weft_str text);

/* Ends of lines are the caller's own, or those of a trace. */
void weft__say(const char *fmt, ...)
{
    char text[WEFT__STDERR_MAX], plain[WEFT__STDERR_MAX];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n <= 0) return;
    weft_str all = { text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1 };
    void (*instead)(weft_str) = __atomic_load_n(&weft__say_instead, __ATOMIC_ACQUIRE);
    if (instead) {
        instead(all);
        return;
    }
    (void)weft__os_stderr_try(plain, weft__plain(&all, plain, sizeof plain, true));
}

/* ---- of the running task ---- */

static pthread_key_t thread_errors;
static bool thread_errors_known;

static void thread_over(void *errors) { weft__errors_drop(errors); }
static void thread_errors_begin(void) { thread_errors_known = pthread_key_create(&thread_errors, thread_over) == 0; }

/* What a thread of the program's own failed with goes when it ends. */
static weft__errors *errors_of_thread(bool make)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static _Thread_local weft__errors outside;       /* failures before or after any loop */
    static _Thread_local bool noted;
    if (!make || noted) return &outside;
    noted = true;
    pthread_once(&once, thread_errors_begin);
    if (thread_errors_known) pthread_setspecific(thread_errors, &outside);
    return &outside;
}

weft__errors *weft__errors_here(bool make)
{
    weft__fiber *f = weft__self();
    weft__job_context *job = f ? NULL : weft__job_here();
    if (job) return &job->errors;
    if (!f) return errors_of_thread(make);
    if (!f->errors && make) f->errors = weft__calloc(sizeof *f->errors);
    return f->errors;
}

void weft__errors_clear(void)
{
    weft__errors *e = weft__errors_here(false);
    if (e) weft__errors_drop(e);
}

static int fail(const char *place, int code, int status, bool shown, const char *fmt, va_list args)
{
    weft__errors *e = weft__errors_here(true);
    weft__record *r = e ? weft__record_new(code, status, place) : NULL;
    if (!r) return code;                             /* the code stands, its text is lost */
    said s;
    say(&s, fmt, args);
    r->shown = shown;
    add_line(&r->text, s.text, s.len);
    record_ends(r);
    weft__errors_put(e, r);
    return code;
}

int weft__fail(const char *place, int status_or_code, const char *fmt, ...)
{
    bool is_status = status_or_code >= 400 && status_or_code <= 599;
    int code = is_status ? WEFT_STATUS(status_or_code) : status_or_code < 0 ? status_or_code : WEFT_EINVAL;
    va_list args;
    va_start(args, fmt);
    fail(place, code, 0, is_status, fmt, args);
    va_end(args);
    return code;
}

int weft__fail_as(const char *place, int code, int status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(place, code, status, false, fmt, args);
    va_end(args);
    return code;
}

static void record_text(weft__record *r, const char *fmt, ...)
{
    said s;
    va_list args;
    va_start(args, fmt);
    say(&s, fmt, args);
    va_end(args);
    add_line(&r->text, s.text, s.len);
    record_ends(r);
}

weft__record *weft__record_late(const weft__fiber *f)
{
    weft__record *r = weft__record_new(WEFT_ETIMEDOUT, 0, NULL);
    if (!r || !f || !f->late_place) return r;
    if (f->late_ms > 0) record_text(r, "the deadline of %d ms set at %s passed", f->late_ms, f->late_place);
    else record_text(r, "the deadline set at %s passed", f->late_place);
    return r;
}

weft__record *weft__record_here(int rc)
{
    weft__errors *e = weft__errors_here(true);
    if (!e) return NULL;
    weft__record *r = weft__errors_find(e, rc);
    if (r) return r;
    r = rc == WEFT_ETIMEDOUT ? weft__record_late(weft__self()) : weft__record_new(rc, 0, NULL);
    if (r) weft__errors_put(e, r);
    return r;
}

int weft__trace(int rc, const char *place)
{
    weft__record *r = weft__record_here(rc);
    if (r) weft__record_line(r, "at %s", place);
    return rc;
}

int weft__trace_text(int rc, const char *place, const char *fmt, ...)
{
    char doing[WEFT__ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(doing, sizeof doing, fmt, args);
    va_end(args);
    weft__record *r = weft__record_here(rc);
    if (r) weft__record_line(r, "at %s: %s", place, doing);
    return rc;
}

bool weft__error_shown(int rc)
{
    weft__errors *e = weft__errors_here(false);
    weft__record *r = e ? weft__errors_find(e, rc) : NULL;
    return r && r->shown;
}

/* What a task is told lives like all that it is given; the record itself goes when others come. */
static const weft_error *lasting(const weft_error *e, weft_arena *a)
{
    weft_error *copy = weft__arena_alloc(a, sizeof *copy);
    weft_str text = weft__arena_dup(a, weft_str_of(e->text)), trace = weft__arena_dup(a, weft_str_of(e->trace));
    if (!copy || !text.ptr || !trace.ptr) return e;
    *copy = (weft_error){ e->code, e->status, text.ptr, trace.ptr };
    return copy;
}

const weft_error *weft_error_of(int rc)
{
    weft__errors *e = weft__errors_here(false);
    weft__record *r = e ? weft__errors_find(e, rc) : NULL;
    const weft__fiber *f = weft__self();
    if (!r && rc == WEFT_ETIMEDOUT && f && f->late_place) r = weft__record_here(rc);
    if (!r) return weft__code_error(rc);
    weft_arena *a = weft__arena_here();
    return a ? lasting(&r->error, a) : &r->error;
}
