/* What crosses between a caller and a worker: the job there, the answer back; and the job's run in between. */
#include <stdio.h>
#include <string.h>
#include "model/pack.h"
#include "task/job.h"
#include "task/process.h"
#include "wire/json.h"

/* The addresses are the same in the worker, which is a fork of this program. The texts follow, then the input. Without
 * a hole: what nobody wrote would cross with it. */
typedef struct order {
    weft__fn *fn;
    const weft_schema *in, *out;
    uint64_t memory_bytes_max;
    uint32_t name_len, label_len;
    int64_t arity;
} order;

/* Before an answer: then come the texts of a failure, or the output. */
typedef struct reply {
    int32_t rc, status;
    uint32_t text_len, trace_len, headers_len, detail_len;
    uint64_t shown;
} reply;

/* ---- there ---- */

static uint32_t text_bytes(const char *text) { return text ? (uint32_t)strlen(text) + 1 : 0; }

int weft__job_pack(weft__buf *to, const weft_schema *in, const weft_schema *out, const weft_call *call,
    const weft_process_opts *opts, const char *label, weft__fault *fault)
{
    weft__job_head head = { WEFT__JOB_MARK, (uint32_t)opts->cpu_ms, 0, opts->memory_bytes_max, 0 };
    order o = { call->fn, in, out, opts->memory_bytes_max, text_bytes(call->name), text_bytes(label), call->arity };
    weft__buf_add(to, &head, sizeof head);
    weft__buf_add(to, &o, sizeof o);
    weft__buf_add(to, call->name, o.name_len);
    weft__buf_add(to, label, o.label_len);
    int rc = weft__pack(in, call->in, to, fault);
    if (rc < 0) return rc;
    head.bytes = to->len - sizeof head;
    memcpy(to->ptr, &head, sizeof head);
    return 0;
}

/* ---- the run ---- */

/* The job that runs in this process, or has run and is to be answered. */
static struct {
    order order;
    weft__job_context context;
    weft_arena arena;
    void *out;
    int rc;
} now;

/* In the simulator jobs run on the loop's own thread, which keeps its loop. */
static void begin(void) { weft__the_loop = NULL; }

static int read_input(weft_str job, void **in)
{
    *in = weft__arena_alloc(&now.arena, now.order.in->size);
    now.out = weft__arena_zalloc(&now.arena, now.order.out->size);
    if (*in && now.out) return weft__unpack(now.order.in, job, *in, &now.arena);
    return now.arena.starved ? WEFT_ENOMEM : WEFT_ELIMIT;
}

static void run(weft_str job)
{
    order *o = &now.order;
    void *in;
    memcpy(o, job.ptr, sizeof *o);
    const char *name = job.ptr + sizeof *o, *label = name + o->name_len, *bytes = label + o->label_len;
    weft__arena_init(&now.arena, NULL, o->memory_bytes_max ? o->memory_bytes_max : SIZE_MAX);
    weft_str text = weft__arena_dup(&now.arena, (weft_str){ name, o->name_len + o->label_len });
    now.context = (weft__job_context){ .kind = "weft_in_process", .name = text.ptr ? text.ptr : "a job",
        .label = text.ptr && o->label_len ? text.ptr + o->name_len : NULL, .arena = &now.arena,
        .instead = "nothing waits in a process; call what blocks (sleep, read) instead" };
    now.rc = read_input((weft_str){ bytes, job.len - (size_t)(bytes - job.ptr) }, &in);
    if (now.rc < 0) return;
    weft_call call = { .fn = o->fn, .arity = (int)o->arity, .in = in, .out = now.out };
    now.rc = weft__job_run(&now.context, &call);
}

/* ---- back ---- */

static void add_failure(weft__buf *to, int rc, int status, bool shown, const weft__record_texts *t)
{
    reply r = { rc, status, (uint32_t)t->text.len, (uint32_t)t->trace.len, (uint32_t)t->headers.len,
        (uint32_t)t->detail.len, shown };
    weft__buf_add(to, &r, sizeof r);
    weft__buf_add_str(to, t->text);
    weft__buf_add_str(to, t->trace);
    weft__buf_add_str(to, t->headers);
    weft__buf_add_str(to, t->detail);
}

/* No memory under a limit on memory is the limit. */
static void answer_failure(weft__buf *to, int rc)
{
    char text[WEFT__ERROR_TEXT_MAX];
    weft__record *e = weft__errors_find(&now.context.errors, rc);
    bool limit = now.order.memory_bytes_max && (rc == WEFT_ENOMEM || (rc == WEFT_ELIMIT && now.arena.exceeded));
    const char *said = e ? e->error.text : weft__code_text(rc);
    weft__record_texts texts = { .text = weft_str_of(said) };
    if (e) texts.trace = weft__buf_str(&e->trace);
    if (e && !limit) texts.headers = weft__buf_str(&e->headers), texts.detail = weft__buf_str(&e->detail);
    if (limit) {
        snprintf(text, sizeof text, "%s took more than %llu bytes of memory (memory_bytes_max): %s", now.context.name,
            (unsigned long long)now.order.memory_bytes_max, said);
        texts.text = weft_str_of(text);
    }
    add_failure(to, limit ? WEFT_ELIMIT : rc, e && !limit ? e->error.status : 0, e && e->shown && !limit, &texts);
}

static void answer_refused(weft__buf *to, int rc, const char *why)
{
    char text[WEFT__ERROR_TEXT_MAX];
    snprintf(text, sizeof text, "the output of %s: %s", now.context.name, why);
    add_failure(to, rc, 0, false, &(weft__record_texts){ .text = weft_str_of(text) });
}

static void answer(weft__buf *to)
{
    size_t before = to->len;
    reply r = { .rc = now.rc };
    weft__fault fault;
    if (now.rc >= 0) {
        weft__buf_add(to, &r, sizeof r);
        int rc = weft__pack(now.order.out, now.out, to, &fault);
        if (rc < 0) {
            to->len = before;
            to->failed = 0;
            answer_refused(to, rc, fault.text);
        }
    } else answer_failure(to, now.rc);
    weft__job_end(&now.context);
    weft__arena_free(&now.arena);
}

const weft__work weft__process_work = { begin, run, answer };

/* ---- back here ---- */

/* An HTTP status goes out to a client: no other number may. */
static bool is_status(int status) { return status == 0 || (status >= 100 && status <= 599); }

static bool read_failure(weft__errand *e, const reply *r, weft_str rest)
{
    if (!is_status(r->status) || r->shown > 1) return false;
    if (r->text_len >= WEFT__ERROR_TEXT_MAX || r->trace_len >= WEFT__ERROR_TRACE_MAX) return false;
    if (r->headers_len > WEFT__ERROR_HEADERS_MAX || r->detail_len > WEFT__ERROR_DETAIL_MAX) return false;
    if (rest.len != (size_t)r->text_len + r->trace_len + r->headers_len + r->detail_len) return false;
    weft__record_texts texts = { { rest.ptr, r->text_len }, { rest.ptr + r->text_len, r->trace_len }, { 0 }, { 0 } };
    texts.headers = (weft_str){ texts.trace.ptr + r->trace_len, r->headers_len };
    texts.detail = (weft_str){ texts.headers.ptr + r->headers_len, r->detail_len };
    if (r->detail_len && !weft__json_valid(texts.detail)) return false;      /* it goes out as it is */
    e->error = weft__record_of(r->rc, r->status, r->shown != 0, &texts);
    return true;
}

static int read_output(weft__errand *e, weft_str bytes, weft_arena *arena)
{
    void *aside = weft__arena_alloc(arena, e->schema->size);
    if (!aside) return arena->starved ? WEFT_ENOMEM : WEFT_ELIMIT;
    int rc = weft__unpack(e->schema, bytes, aside, arena);
    if (rc == 0 && e->out) memcpy(e->out, aside, e->schema->size);
    return rc;
}

bool weft__errand_read(weft__errand *e, weft_str bytes, weft_arena *arena)
{
    reply r;
    if (bytes.len < sizeof r) return false;
    memcpy(&r, bytes.ptr, sizeof r);
    weft_str rest = { bytes.ptr + sizeof r, bytes.len - sizeof r };
    e->rc = r.rc;
    if (r.rc < 0) return read_failure(e, &r, rest);
    int read = read_output(e, rest, arena);
    if (read < 0) e->rc = read;
    return read != WEFT_EPROTO && (read != WEFT_ELIMIT || arena->exceeded);
}
