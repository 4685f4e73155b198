#ifndef WEFT_SRC_WEB_UPLOAD_H
#define WEFT_SRC_WEB_UPLOAD_H
#include "base/arena.h"
#include "base/buf.h"
#include "weft/file.h"
#include "weft/upload.h"

/* Files of one form, kept while the request lasts: small ones in its arena, the others one behind the
 * other in one file without a name. They come one after the other. */
enum { WEFT__UPLOAD_CHUNK = 64 * 1024, WEFT__UPLOADS_IN_MEMORY = 256 * 1024 };

typedef struct weft__uploads {
    weft_arena *arena;
    weft_file *spool;                /* NULL until one is large */
    int64_t spooled;                 /* bytes in it */
    size_t kept;                     /* bytes in memory */
    weft__buf chunk;                 /* of the one that comes: what is not in the spool yet */
} weft__uploads;

struct weft__upload {
    weft__uploads *among;
    weft_str bytes;                  /* of one in memory */
    bool is_spooled;
    int64_t from, size, at;          /* where it lies in the spool; where reading stands */
    char *chunk;                     /* what was read last of one in the spool */
};

void weft__uploads_init(weft__uploads *all, weft_arena *arena);
/* Waits: for the spool to be closed. */
void weft__uploads_end(weft__uploads *all);

/* A new one, its bytes, its end. 0, or a code; that of a file is recorded. Wait: for the spool. */
struct weft__upload *weft__uploaded_new(weft__uploads *all);
int weft__uploaded_add(struct weft__upload *u, weft_str bytes);
int weft__uploaded_finish(struct weft__upload *u);
#endif
