#ifndef WEFT_BACKGROUND_H
#define WEFT_BACKGROUND_H
/* What is done when a request has been answered. */
#include "weft/model.h"
#include "weft/task.h"

/* Run int f(const Model *in) once the request has been answered, with a copy of *arg:
 *
 *     WEFT_MODEL(Mail, field(weft_str, to), field(weft_str, text));
 *     WEFT_TRY(weft_background(Mail, send_mail, (&(Mail){ in->email, WEFT_S("Welcome!") })));
 *     return 0;
 *
 * The copy is made at once, of all that the argument holds (texts, lists, refs), and lives as long as the task, as does what
 * that allocates: request_bytes_max for both together. weft_none and NULL for a function that takes nothing. May be called
 * by the handler, by whatever it calls or has spawned, by providers and middleware, and by a background task, for one that starts when it has
 * ended well. Not on a thread nor in a process (WEFT_EINVAL).
 *
 * Tasks start together, in the order in which they were asked for, when the answer has been handed to the system, and only if the
 * handler, and what is closed behind it before the answer goes, succeeded: a failure drops what was asked for until then. So does an answer that is not given
 * whole: a stream or a file that breaks off, one that there is no memory to send. The client's connection does not
 * wait for them, and its leaving cancels none, also when it comes before all of the answer has gone. They see the values of the task that asked (weft_local). One that fails is
 * logged with its name and route, and stops nothing else.
 *
 * They are in memory alone: a program that is killed forgets them. When a server stops and no request is left, they have
 * background_ms to end, then they are cancelled and named in the log; one that runs even after hard_ms is named, and the
 * program ends without it.
 *
 * Options: timeout_ms ends it with WEFT_ETIMEDOUT (0: never).
 * 0; WEFT_ELIMIT (503): background_max of them wait or run already; WEFT_EINVAL, recorded: no request is here, or the argument
 * holds what cannot be copied (a request, a reply, a ring of refs); WEFT_ENOMEM. Waits: never.
 *                                                                     Example: examples/background.c  */
typedef struct weft_background_opts { weft__named_options_only _; int timeout_ms; } weft_background_opts;
#define weft_background(Model, f, arg, ...) weft__background_ask(WEFT__HERE, &weft_schema_##Model, (const Model *){ (arg) }, (weft__fn *)(f), #f, \
    WEFT__ASSERT(WEFT__SAME(&(f), int (*)(const Model *)), "background task '" #f "' must be declared: int " #f "(const " #Model " *in)"), \
    &(weft_background_opts){ __VA_ARGS__ })
int weft__background_ask(const char *place, const weft_schema *, const void *arg, weft__fn *fn, const char *name, size_t checked,
    const weft_background_opts *opts) WEFT_NODISCARD;
#endif
