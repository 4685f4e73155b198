/* Forms: what came as application/x-www-form-urlencoded or multipart/form-data, by name. Only what the
 * input names is kept; the rest is dropped as it comes. */
#include <stdio.h>
#include <string.h>
#include "model/coerce.h"
#include "web/input.h"
#include "web/upload.h"
#include "wire/bytes.h"
#include "wire/multipart.h"
#include "wire/url.h"

enum { FIELD_BYTES = 1 << 20, NOTED_BYTES = 2 * WEFT__INPUT_ECHO_MAX };

typedef weft__reading reading;

/* A field or file on its way in. */
typedef struct part {
    weft_str name;
    const weft__source *source;      /* NULL: the input does not name it */
    weft_upload *upload;
    bool is_file, is_named;          /* a file; it has a name of its own */
    bool noted;                      /* kept in part, for a fault that tells what came */
    size_t bytes, bytes_max;
} part;

struct weft__form {
    reading *r;                      /* while it is read */
    weft__entries entries;
    weft__uploads uploads;
    weft__buf text;                  /* of the part that comes */
    bool drops_files;                /* the request is refused already */
    uint32_t parts;
    part now;
    weft__multipart multipart;
};

void weft__form_end(weft__form *form)
{
    if (!form) return;
    weft__buf_free(&form->text);
    weft__uploads_end(&form->uploads);
}

static const weft__source *source_of(const weft__sources *forms, weft_str name)
{
    for (uint32_t i = 0; i < forms->count; i++)
        if (weft_str_equal(forms->items[i].name, name)) return &forms->items[i];
    return NULL;
}

static int malformed(reading *r, const char *why)
{
    r->malformed = why;
    return WEFT_EPROTO;
}

static int out_of_memory(reading *r)
{
    r->fault = "no memory is left for the form";
    return WEFT_STATUS(503);
}

static int too_large(reading *r, weft_str name, size_t bytes_max)
{
    int shown = name.len < 80 ? (int)name.len : 80;
    weft_str why = weft__arena_printf(
        r->x->arena, "'%.*s' of the form is larger than %zu bytes", shown, name.ptr, bytes_max);
    r->fault = why.ptr ? why.ptr : "a field of the form is too large";
    return WEFT_STATUS(413);
}

/* How large a field or file may be: as its declaration says, or 1 MiB; an upload may fill the body. */
static size_t bytes_max_of(const weft__source *s)
{
    if (!s) return SIZE_MAX;
    if (s->field->bytes_max) return s->field->bytes_max;
    return s->file == WEFT__FILE_UPLOAD ? SIZE_MAX : FIELD_BYTES;
}

/* ---- application/x-www-form-urlencoded ---- */

/* The field that an encoded name means, decoded once for all of them; names are short, so what is long is none. */
static const weft__source *named(const weft__sources *forms, weft_str raw)
{
    char plain[3 * WEFT__LITERAL_MAX];
    bool encoded = raw.len && (memchr(raw.ptr, '%', raw.len) || memchr(raw.ptr, '+', raw.len));
    if (!encoded) return source_of(forms, raw);
    if (raw.len > sizeof plain) return NULL;
    int len = weft__url_decode(raw, WEFT__DECODE_PLUS, plain);
    return len < 0 ? NULL : source_of(forms, (weft_str){ plain, (size_t)len });
}

static int add_pair(reading *r, weft_str name, weft_str value, weft__entries *all)
{
    const unsigned how = WEFT__DECODE_PLUS | WEFT__DECODE_NUL | WEFT__DECODE_BYTES;
    const weft__source *s = named(&r->e->forms, name);
    if (!s && !r->e->forms.models) return 0;
    weft__entry entry = { 0 };
    if (s) entry.name = s->name;
    int rc = s ? 0 : weft__reading_decode(r, name, how, &entry.name);
    if (rc == 0) rc = weft__reading_decode(r, value, how, &entry.value);
    if (rc == WEFT_EINVAL) return malformed(r, "the form is not percent-encoded text");
    if (rc < 0) return rc;
    if (entry.value.len > bytes_max_of(s)) return too_large(r, entry.name, bytes_max_of(s));
    return weft__entries_add(r, all, entry);
}

static int read_urlencoded(reading *r, weft__entries *all)
{
    weft_str body, name, value;
    int rc = weft__exchange_body(r->x, weft__reading_body_max(r), &body, &r->fault), more = 0;
    if (rc < 0 && !r->fault) r->fault = "the body broke off";
    if (rc < 0 || !body.len) return rc;
    weft__url_query q = weft__url_query_of(body, WEFT__PAIRS_MAX);
    while (rc == 0 && (more = weft__url_query_next(&q, &name, &value)) > 0) rc = add_pair(r, name, value, all);
    return rc == 0 && more < 0 ? malformed(r, "the form has more than 1000 fields") : rc;
}

/* ---- multipart/form-data ---- */

/* What a name means, in the arena; ptr NULL: see *rc. */
static weft_str plain_text(weft__form *form, weft_str text, bool extended, int *rc)
{
    reading *r = form->r;
    char *to = weft__arena_alloc(r->x->arena, text.len + 1);
    int n = to ? weft__part_text(text, extended, to) : 0;
    *rc = !to ? weft__arena_error(r->x->arena)
        : n < 0 ? malformed(r, "the name of a file (filename*) is not UTF-8") : 0;
    if (*rc < 0) return (weft_str){ NULL, 0 };
    to[n] = 0;
    return (weft_str){ to, (size_t)n };
}

static int copy_headers(weft__form *form, const weft__part *head, weft_upload *u)
{
    weft_arena *arena = form->r->x->arena;
    weft_header *to = weft__arena_alloc(arena, head->header_count * sizeof *to);
    if (!to) return weft__arena_error(arena);
    for (unsigned i = 0; i < head->header_count; i++) {
        to[i] = (weft_header){ weft__arena_dup(arena, head->headers[i].name), weft__arena_dup(arena, head->headers[i].value) };
        if (!to[i].name.ptr || !to[i].value.ptr) return weft__arena_error(arena);
    }
    u->headers = to;
    u->header_count = head->header_count;
    u->content_type = weft_upload_header(u, "content-type");
    if (!u->content_type.ptr) u->content_type = (weft_str){ "", 0 };
    return 0;
}

static int begin_upload(weft__form *form, const weft__part *head)
{
    int rc;
    weft_upload *u = weft__arena_zalloc(form->r->x->arena, sizeof *u);
    if (!u) return weft__arena_error(form->r->x->arena);
    form->now.upload = u;
    u->filename = plain_text(form, head->filename, head->extended, &rc);
    if (rc == 0) rc = copy_headers(form, head, u);
    if (rc < 0 || form->drops_files) return rc;
    u->inside = weft__uploaded_new(&form->uploads);
    return u->inside ? 0 : weft__arena_error(form->r->x->arena);
}

static int begin_part(weft__form *form, weft_str head_bytes)
{
    reading *r = form->r;
    weft__part head;
    const char *fault;
    int rc = 0;
    if (weft__part_read(head_bytes, &head, &fault) < 0) return malformed(r, fault);
    if (form->parts++ == WEFT__PAIRS_MAX) return malformed(r, "the form has more than 1000 parts");
    bool escaped = memchr(head.name.ptr, '\\', head.name.len);
    weft_str name = escaped ? plain_text(form, head.name, false, &rc) : head.name;
    if (rc < 0) return rc;
    part *p = &form->now;
    *p = (part){ .source = source_of(&r->e->forms, name), .is_file = head.filename.ptr,
        .is_named = head.filename.len };
    p->noted = !p->source && !p->is_file && r->e->forms.models;
    p->bytes_max = bytes_max_of(p->source);
    if (p->source) p->name = p->source->name;
    else if (p->noted) p->name = weft__arena_dup(r->x->arena, name);
    if (p->noted && !p->name.ptr) return weft__arena_error(r->x->arena);
    weft__buf_free(&form->text);
    weft__buf_init(&form->text, p->noted ? NOTED_BYTES : p->bytes_max);
    bool upload = p->source && p->source->file == WEFT__FILE_UPLOAD && p->is_file;
    return upload ? begin_upload(form, &head) : 0;
}

/* Its bytes are a value: a field's, or a file's that is wanted as bytes. */
static bool is_kept(const part *p)
{
    return p->source && !p->upload && (!p->is_file || p->source->file);
}

static int add_data(weft__form *form, weft_str data)
{
    part *p = &form->now;
    if (data.len > p->bytes_max - p->bytes) return too_large(form->r, p->name, p->bytes_max);
    p->bytes += data.len;
    if (p->upload) {
        if (!p->upload->inside) return 0;
        int rc = weft__uploaded_add(p->upload->inside, data);
        form->r->broken |= rc < 0;
        return rc;
    }
    if (p->noted && data.len > NOTED_BYTES - form->text.len) data.len = NOTED_BYTES - form->text.len;
    if (is_kept(p) || p->noted) weft__buf_add_str(&form->text, data);
    return form->text.failed ? out_of_memory(form->r) : 0;
}

static int end_part(weft__form *form)
{
    reading *r = form->r;
    part *p = &form->now;
    weft__entry entry = { .name = p->name, .value = { "", 0 }, .is_file = p->is_file,
        .not_chosen = p->is_file && !p->is_named && !p->bytes, .upload = p->upload };
    if (!p->source && !p->noted) return 0;
    if (p->upload) p->upload->size = (int64_t)p->bytes;
    if (p->upload && p->upload->inside) {
        int rc = weft__uploaded_finish(p->upload->inside);
        form->r->broken |= rc < 0 && rc != weft__arena_error(r->x->arena);
        if (rc < 0) return rc;
    } else if (form->text.len) {
        entry.value = weft__arena_dup(r->x->arena, weft__buf_str(&form->text));
        if (!entry.value.ptr) return weft__arena_error(r->x->arena);
    }
    return weft__entries_add(r, &form->entries, entry);
}

/* 1 when the last boundary has come. */
static int feed(weft__form *form, weft_str bytes)
{
    for (;;) {
        size_t used;
        weft_str data;
        int rc = 0, event = weft__multipart_next(&form->multipart, bytes.ptr, bytes.len, &used, &data);
        bytes.ptr += used;
        bytes.len -= used;
        switch (event) {
        case WEFT__MULTIPART_MORE: return 0;
        case WEFT__MULTIPART_END: return 1;
        case WEFT__MULTIPART_PART: rc = begin_part(form, data); break;
        case WEFT__MULTIPART_DATA: rc = add_data(form, data); break;
        case WEFT__MULTIPART_PART_END: rc = end_part(form); break;
        default: return malformed(form->r, form->multipart.fault);
        }
        if (rc < 0) return rc;
    }
}

static int intake_failed(reading *r, int rc)
{
    weft_str text = weft__arena_dup(r->x->arena, weft_str_of(weft_error_of(rc)->text));
    r->fault = text.ptr ? text.ptr : "the body broke off";
    return rc;
}

/* What comes behind the last boundary is dropped, so that the connection can serve another request. */
static int feed_all(weft__form *form, weft__intake *intake)
{
    weft_str piece;
    int rc, ended = 0;
    bool any = false;
    while ((rc = weft__intake_read(intake, &piece)) > 0) {
        any = true;
        if (!ended) ended = feed(form, piece);
        if (ended < 0) return ended;
    }
    if (rc < 0) return intake_failed(form->r, rc);
    return any && !ended ? malformed(form->r, "the form ends before its last boundary") : 0;
}

static int read_multipart(reading *r, weft__form *form)
{
    weft__intake *intake = NULL;
    weft_str boundary = weft__multipart_boundary(r->x->head->content_type);
    if (!boundary.len) return malformed(r, "a multipart/form-data without a boundary that can be one");
    weft__multipart_init(&form->multipart, boundary);
    int rc = weft__exchange_intake(r->x, weft__reading_body_max(r), &intake, &r->fault);
    if (rc == 0) rc = feed_all(form, intake);
    weft__intake_end(intake);
    return rc;
}

/* ---- both ---- */

static bool is_urlencoded(weft_str type)
{
    const char *mark = type.len ? memchr(type.ptr, ';', type.len) : NULL;
    weft_str essence = { type.ptr, mark ? (size_t)(mark - type.ptr) : type.len };
    return weft__same_nocase(weft__trim(essence), WEFT_S("application/x-www-form-urlencoded"));
}

/* Any other content type is a form without a field. */
int weft__input_form(reading *r)
{
    weft_str type = r->x->head->content_type;
    weft__entries pairs = { 0 }, *all = &pairs;
    int rc = 0;
    if (is_urlencoded(type)) rc = read_urlencoded(r, all);
    else if (weft__multipart_is(type)) {
        weft__form *form = weft__arena_zalloc(r->x->arena, sizeof *form);
        if (!form) return weft__arena_error(r->x->arena);
        *(weft__form **)(void *)(r->in + r->e->form_at) = form;
        form->r = r;
        form->drops_files = weft__problems_count(&r->problems) > 0;
        weft__uploads_init(&form->uploads, r->x->arena);
        all = &form->entries;
        rc = read_multipart(r, form);
    }
    return rc == 0 ? weft__entries_read(r, &r->e->forms, "body", all) : rc;
}
