#ifndef WEFT_UPLOAD_H
#define WEFT_UPLOAD_H
/* Files that come with a form: file(weft_upload, picture) in the input of a handler.
 *
 *     WEFT_INPUT(send_in, form(weft_str, title), file(weft_upload, picture, .bytes_max = 5 << 20));
 *     static int send(const send_in *in, Sent *out)
 *     {
 *         WEFT_TRY(weft_upload_save(&in->picture, "picture.png"));
 *         ...
 *
 * The handler is called when all of the form has come. Files of at most 64 KiB stay in memory, up to 256 KiB of a
 * request; the others lie in one temporary file without a name (in /tmp, or, where there is none, in the working directory), that the
 * file pool's threads write and read while the task waits, and that is gone when the request is over. So is what an upload holds and what it yields.
 * A request that is refused anyway writes nothing.                       Example: examples/forms.c  */
#include "weft/client.h"
#include "weft/model.h"

/* filename: as the client says, "" without one: any text, "../../x" and "con" too; never take it for a path. A file
 * that has neither a name nor a byte is what browsers send when none was chosen: it is absent. content_type: as the client
 * says, "" without one. headers: all of its part, those two included. */
typedef struct weft_upload {
    weft_str filename, content_type;
    int64_t size;                    /* bytes */
    const weft_header *headers;
    size_t header_count;
    struct weft__upload *inside;
} weft_upload;
WEFT__BUILTIN(weft_upload);

/* The next bytes, 64 KiB at most: 1 with bytes, 0 at the end, < 0 on error (weft_file_read's). What it yields has a NUL
 * behind it and lives until the next step on this upload. One task reads an upload at a time. Waits: for what lies in the
 * temporary file and not in memory. */
int weft_upload_read(const weft_upload *u, weft_str *out) WEFT_NODISCARD;

/* Back to the beginning. Waits: never. */
void weft_upload_rewind(const weft_upload *u);

/* Write all of it, from its beginning, to a new file (mode 0644): -EEXIST when one is there. One that cannot be written whole is
 * removed again. Leaves the upload at its end. Waits: yes. */
int weft_upload_save(const weft_upload *u, const char *path) WEFT_NODISCARD;

/* A header of its part, by name in any case; empty with a NULL pointer when it is absent. Waits: never. */
weft_str weft_upload_header(const weft_upload *u, const char *name);
#endif
