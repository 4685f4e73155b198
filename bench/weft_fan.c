/* The fan-out benchmark as one writes it with weft: three calls at once, each read into a model.
 * Usage: weft_fan PORT UPSTREAM UPSTREAM UPSTREAM  (ports on 127.0.0.1)  */
#include <stdio.h>
#include <stdlib.h>
#include "weft.h"

WEFT_MODEL(Service,
    field(weft_str, service),
    field(int,      value),
    field(bool,     ok),
    list (weft_str, tags));
WEFT_MODEL(Joined, field(Service, a), field(Service, b), field(Service, c));
WEFT_INPUT(fan_in, path(int, delay_ms, .range = { 0, 60000 }));

typedef struct ask_in { const char *base; int delay_ms; } ask_in;
static char bases[3][64];

static int ask(const ask_in *in, Service *out)
{
    return weft_fetch(Service, out, "{+}/d{}", in->base, in->delay_ms);
}

static int fan(const fan_in *in, Joined *out)
{
    return weft_gather(
        weft_call(ask, (&(ask_in){ bases[0], in->delay_ms }), &out->a),
        weft_call(ask, (&(ask_in){ bases[1], in->delay_ms }), &out->b),
        weft_call(ask, (&(ask_in){ bases[2], in->delay_ms }), &out->c));
}

const weft_app app = { .routes = WEFT_ROUTES(WEFT_GET("/fan/{delay_ms}", fan, fan_in, Joined)) };

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s PORT UPSTREAM UPSTREAM UPSTREAM\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < 3; i++)
        snprintf(bases[i], sizeof bases[i], "http://127.0.0.1:%d", atoi(argv[2 + i]));
    return weft_serve(&app, .port = atoi(argv[1]));
}
