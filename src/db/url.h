#ifndef WEFT_SRC_DB_URL_H
#define WEFT_SRC_DB_URL_H
/* URLs as people are shown them: without passwords, also when they were not encoded as a URL wants it. */
#include "weft/base.h"

/* In place. */
void weft__db_url_hide(char *url);
/* What stands before the "://", nothing when it is no URL. */
weft_str weft__db_url_scheme(const char *url);
/* Of a server's, behind the "://": why it cannot be meant as it stands, mostly a password with a '/' in it, which libraries take for a host and its port, and
 * show; NULL: it can. */
const char *weft__db_url_fault(weft_str rest);
#endif
