/* The echo of bench/bare/bare_ws.c as one writes it with weft, in both forms: /echo in a coroutine, /handled by message handlers. */
#include <stdlib.h>
#include "weft.h"

static int echo(const weft_none *in, weft_ws *ws)
{
    (void)in;
    weft_str said;
    int rc;
    while ((rc = weft_ws_recv(ws, &said)) > 0) WEFT_TRY(weft_ws_send(ws, said));
    return rc;
}

static int handled(weft_ws *ws, weft_none *none, weft_str said) { (void)none; return weft_ws_send(ws, said); }

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_WS("/echo", echo, weft_none),
    WEFT_WS_HANDLERS("/handled", weft_none, weft_none, NULL, handled, NULL)) };

int main(int argc, char **argv) { return weft_serve(&app, .port = argc > 1 ? atoi(argv[1]) : 8000, .connections_max = 20000, .quiet = true); }
