#ifndef WEFT_TESTS_OUTSIDE_SERVER_H
#define WEFT_TESTS_OUTSIDE_SERVER_H
/* What servers of databases that tests start have in common: a folder below /tmp, a port, an unprivileged user, and a keeper, who ends the server and removes
 * the folder when the process that it is for has ended, however that was. */
#include <stddef.h>
#include <sys/types.h>

typedef struct outside_server { char folder[100]; int port; int pid; } outside_server;    /* pid: of the process that it is for */

/* A kind of them. Scripts have no ' in them: they stand between two. */
typedef struct outside_kind {
    const char *name, *user;         /* who runs it where root does not: "postgres" */
    mode_t mode;                     /* of the folder */
    const char *stop;                /* a command in the folder that ends it at once */
    void (*script)(const outside_server *s, char *to, size_t room);    /* that installs and starts it, in the folder */
} outside_kind;

/* The one that serves all tests of a run, into *s: whoever asks first starts it, and says with `ready` that it answers. */
void outside_of_run(outside_server *s, const outside_kind *kind, void (*ready)(const outside_server *s));
/* One for this process alone. */
void outside_own(outside_server *s, const outside_kind *kind, void (*ready)(const outside_server *s));
/* A script as that user, heard by nobody; what it said is shown when it fails. */
void outside_run(const outside_server *s, const outside_kind *kind, const char *script);
#endif
