#ifndef WEFT_SRC_TASK_ERROR_H
#define WEFT_SRC_TASK_ERROR_H
#include "base/buf.h"
#include "weft/task.h"

/* The failures a task remembers: its last 8, found by code. A record is memory of its own, so that it can
 * move from a task to the one that awaits it. */
enum { WEFT__ERRORS_KEPT = 8, WEFT__ERROR_TEXT_MAX = 1024, WEFT__ERROR_TRACE_MAX = 4096, WEFT__ERROR_HEADERS_MAX = 8192, WEFT__ERROR_DETAIL_MAX = 64 * 1024 };
typedef struct weft__record {
    weft_error error;
    weft__buf text, trace;
    weft__buf headers, detail;               /* for the answer: lines "Name: value\r\n"; JSON in the text's place. Empty: none */
    bool shown;                              /* made by weft_fail with a status: the text is for the client */
    bool over;                               /* of a failure that has passed: a new one of this code is another */
    const char *task, *place;                /* whose failure it was, once it has left its task */
} weft__record;
typedef struct weft__errors { weft__record *kept[WEFT__ERRORS_KEPT]; unsigned next; } weft__errors;

weft__record *weft__errors_find(weft__errors *e, int code);      /* the newest of this code, or NULL */
void weft__errors_put(weft__errors *e, weft__record *r);         /* takes it; the oldest goes */
/* A failure of this code begins that has no record yet: what is known of an earlier one is of another failure. */
void weft__errors_over(weft__errors *e, int code);
weft__record *weft__errors_take(weft__errors *e, int code);      /* gives the newest of this code away, or NULL */
void weft__errors_drop(weft__errors *e);
weft__record *weft__record_new(int code, int status, const char *place);
/* One that was made in another process; the texts need no NUL. NULL: no memory. */
typedef struct weft__record_texts { weft_str text, trace, headers, detail; } weft__record_texts;
weft__record *weft__record_of(int code, int status, bool shown, const weft__record_texts *texts);
/* Of a deadline: the one that this task (NULL: none) was told of last, if one. */
weft__record *weft__record_late(const struct weft__fiber *f);
weft__record *weft__record_copy(const weft__record *r);          /* NULL for NULL or without memory */
void weft__record_free(weft__record *r);
void weft__record_line(weft__record *r, const char *fmt, ...) WEFT_PRINTF(2, 3);   /* adds a line to the trace, escaped */
weft__errors *weft__errors_here(bool make);                      /* of the running task, of the job, or of the thread outside of both */
/* Say something on stderr, now or never: a full pipe never stalls the loop. At most 4 KiB. Control characters are escaped,
 * ends of lines are not: a text that a peer had a part in goes through weft__plain_text before. */
void weft__say(const char *fmt, ...) WEFT_PRINTF(1, 2) WEFT__COLD;
/* What says such lines in its own form, in place of stderr, while it is set: a log of JSON. From any thread. */
extern void (*weft__say_instead)(weft_str text);
/* A text on one line, with nothing in it that drives a terminal; cut where it is longer. Returns to->text. */
typedef struct weft__plain_line { char text[WEFT__ERROR_TEXT_MAX + 4]; } weft__plain_line;
const char *weft__plain_text(weft__plain_line *to, const char *text);
/* The newest record of a code of whoever is running; one that is made for it when there is none. NULL: no memory. */
weft__record *weft__record_here(int rc);
const char *weft__code_text(int code);                           /* the general text of a code */
int weft__code_status(int code);                                 /* the HTTP status that suits it */
const weft_error *weft__code_error(int code);                    /* both, for a code without a record */
#endif
