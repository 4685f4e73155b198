#include "web/upload.h"
#include <string.h>
#include "base/mem.h"
#include "model/coerce.h"
#include "wire/bytes.h"

typedef struct weft__upload upload;

const weft_schema weft_schema_weft_upload = {
    .name = "weft_upload", .kind = WEFT__special, .size = sizeof(weft_upload)
};
const weft_schema weft_schema_weft_list_weft_upload = { .name = "weft_upload", .kind = WEFT__list,
    .size = sizeof(weft_list_weft_upload), .item_size = sizeof(weft_upload), .of = &weft_schema_weft_upload };
const weft_schema weft_schema_weft_map_weft_upload = { .name = "weft_upload", .kind = WEFT__map,
    .size = sizeof(weft_map_weft_upload), .item_size = sizeof(struct weft_entry_weft_upload), .of = &weft_schema_weft_upload };
const weft_schema weft_schema_weft_opt_weft_upload = { .name = "weft_upload", .kind = WEFT__opt,
    .size = sizeof(weft_opt_weft_upload), .of = &weft_schema_weft_upload };

/* ---- on its way in ---- */

void weft__uploads_init(weft__uploads *all, weft_arena *arena)
{
    *all = (weft__uploads){ .arena = arena };
    weft__buf_init(&all->chunk, WEFT__UPLOAD_CHUNK);
}

void weft__uploads_end(weft__uploads *all)
{
    weft__buf_free(&all->chunk);
    weft_file_free(all->spool);
    all->spool = NULL;
}

upload *weft__uploaded_new(weft__uploads *all)
{
    upload *u = weft__arena_zalloc(all->arena, sizeof *u);
    if (!u) return NULL;
    u->among = all;
    u->from = all->spooled;
    weft__buf_clear(&all->chunk);
    return u;
}

/* Containers are made without /tmp now and then. */
static int open_spool(weft__uploads *all)
{
    int rc = weft_file_temp(&all->spool, NULL);
    return rc == WEFT_ENOENT ? weft_file_temp(&all->spool, ".") : rc;
}

static int flush(upload *u)
{
    weft__uploads *all = u->among;
    int rc = all->spool ? 0 : open_spool(all);
    if (rc == 0) rc = weft_file_pwrite(all->spool, weft__buf_str(&all->chunk), all->spooled);
    if (rc < 0) return rc;
    all->spooled += (int64_t)all->chunk.len;
    u->is_spooled = true;
    weft__buf_clear(&all->chunk);
    return 0;
}

int weft__uploaded_add(upload *u, weft_str bytes)
{
    weft__buf *chunk = &u->among->chunk;
    u->size += (int64_t)bytes.len;
    while (bytes.len) {
        size_t room = WEFT__UPLOAD_CHUNK - chunk->len, n = bytes.len < room ? bytes.len : room;
        if (!n) {
            int rc = flush(u);
            if (rc < 0) return rc;
            continue;
        }
        weft__buf_add(chunk, bytes.ptr, n);
        if (chunk->failed) return weft_fail(WEFT_ENOMEM, "no memory for a file of a form");
        bytes.ptr += n;
        bytes.len -= n;
    }
    return 0;
}

int weft__uploaded_finish(upload *u)
{
    weft__uploads *all = u->among;
    size_t n = all->chunk.len;
    if (u->is_spooled || all->kept + n > WEFT__UPLOADS_IN_MEMORY) return n ? flush(u) : 0;
    u->bytes = weft__arena_dup(all->arena, weft__buf_str(&all->chunk));
    if (!u->bytes.ptr) return weft__arena_error(all->arena);
    all->kept += n;
    weft__buf_clear(&all->chunk);
    return 0;
}

/* ---- calls ---- */

static int read_spool(upload *u, weft_str *out)
{
    weft__uploads *all = u->among;
    if (!u->chunk) u->chunk = weft__arena_alloc(all->arena, WEFT__UPLOAD_CHUNK + 1);
    if (!u->chunk) return weft_fail(WEFT_ENOMEM, "no memory for reading an upload, or past request_bytes_max");
    int64_t left = u->size - u->at;
    size_t n = left < WEFT__UPLOAD_CHUNK ? (size_t)left : WEFT__UPLOAD_CHUNK;
    int64_t got = weft_file_pread(all->spool, u->chunk, n, u->from + u->at);
    if (got < 0) return (int)got;
    if (!got) return weft_fail(500, "the temporary file of an upload is shorter than it was");
    u->chunk[got] = 0;
    u->at += got;
    *out = (weft_str){ u->chunk, (size_t)got };
    return 1;
}

int weft_upload_read(const weft_upload *public, weft_str *out)
{
    upload *u = public->inside;
    if (!u || u->at == u->size) return 0;
    if (u->is_spooled) return read_spool(u, out);
    *out = (weft_str){ u->bytes.ptr + u->at, (size_t)(u->size - u->at) };
    u->at = u->size;
    return 1;
}

void weft_upload_rewind(const weft_upload *public)
{
    if (public->inside) public->inside->at = 0;
}

static int copy(const weft_upload *public, weft_file *to)
{
    weft_str bytes;
    weft_upload_rewind(public);
    for (int rc; (rc = weft_upload_read(public, &bytes)) != 0;) {
        WEFT_TRY(rc);
        WEFT_TRY(weft_file_write(to, bytes));
    }
    return 0;
}

int weft_upload_save(const weft_upload *public, const char *path)
{
    WEFT_FILE(f);
    WEFT_TRY(weft_file_open(&f, path, .write = true, .create = true, .exclusive = true));
    int rc = copy(public, f);
    if (rc == 0) rc = weft_file_close(f);
    if (rc == 0) return 0;
    WEFT_SCOPE(s, .shield = true);               /* also when the task was cancelled */
    int removed = weft_file_remove(path);
    return removed < 0 && removed != WEFT_ENOENT ? weft_fail(rc, "%s was not written whole, and stays", path) : rc;
}

weft_str weft_upload_header(const weft_upload *u, const char *name)
{
    for (size_t i = 0; i < u->header_count; i++)
        if (weft__same_nocase(u->headers[i].name, weft_str_of(name))) return u->headers[i].value;
    return (weft_str){ NULL, 0 };
}
