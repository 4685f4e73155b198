#ifndef WEFT_SRC_HTTP_H2_H
#define WEFT_SRC_HTTP_H2_H
/* HTTP/2 on a connection of the server: what connection.c and server.c know of it. Its session is fed and emptied on the loop's own
 * stack; each request has a task, which waits for nothing but its own stream. RFC 9113 */
#include "http/connection.h"
#include "http/features.h"

/* What such a connection begins with. RFC 9113, 3.4 */
#define WEFT__H2_PREFACE_TEXT "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
enum { WEFT__H2_PREFACE = sizeof WEFT__H2_PREFACE_TEXT - 1, WEFT__H2_KNOWN = WEFT__HAS_HTTP2 };

#if WEFT__HAS_HTTP2
/* Take the connection over, with the preface and what came behind it in c->in. */
void weft__h2_begin(connection *c);
void weft__h2_edge(connection *c, uint32_t events);
/* Send what there is, as far as that goes without a wait. It may be closed then. */
void weft__h2_flush(connection *c);
/* It has been idle for too long. */
void weft__h2_idle_over(connection *c);
/* Free what it has of HTTP/2: no task of it may run. */
void weft__h2_free(connection *c);

/* Those that are kept for the next requests. */
void weft__server_free_streams(weft__server *s);

/* The stop: say that no more requests are taken, and close it when those there are have been answered; twice is once. Cancel answers
 * without an end of their own. Break it off; its tasks end by themselves. Until when closes behind its requests have time: as closes_until
 * in server.c. Name on the log what runs. */
void weft__h2_part(connection *c);
void weft__h2_end_streams(connection *c);
void weft__h2_break(connection *c);
int64_t weft__h2_closes_until(const connection *c);
void weft__h2_say_who_hangs(connection *c);
/* As weft__server_tell_pipes. It may be closed then. */
void weft__h2_tell_pipes(connection *c, uint32_t event);
#else
static inline void weft__h2_begin(connection *c) { (void)c; }
static inline void weft__h2_edge(connection *c, uint32_t events) { (void)c, (void)events; }
static inline void weft__h2_flush(connection *c) { (void)c; }
static inline void weft__h2_idle_over(connection *c) { (void)c; }
static inline void weft__h2_free(connection *c) { (void)c; }
static inline void weft__server_free_streams(weft__server *s) { (void)s; }
static inline void weft__h2_part(connection *c) { (void)c; }
static inline void weft__h2_end_streams(connection *c) { (void)c; }
static inline void weft__h2_break(connection *c) { (void)c; }
static inline int64_t weft__h2_closes_until(const connection *c) { (void)c; return 0; }
static inline void weft__h2_say_who_hangs(connection *c) { (void)c; }
static inline void weft__h2_tell_pipes(connection *c, uint32_t event) { (void)c, (void)event; }
#endif
#endif
