/* A service as it is put on a machine: several workers, settings that are read anew on SIGHUP, with the program itself. Try it:
 *
 *     echo GREETING=Hello > .env; ./deployed &
 *     curl localhost:8000/; echo GREETING=Welcome > .env; kill -HUP %1; curl localhost:8000/  */
#include <unistd.h>
#include <weft.h>

WEFT_MODEL(Settings,
    field(weft_str, host,     .initial = "127.0.0.1"),
    field(int,      port,     .initial = "8000", .range = { 1, 65535 }),
    field(int,      workers,  .initial = "2", .range = { 1, 64 }),
    field(weft_str, greeting, .initial = "Hello"));

static Settings settings;

WEFT_MODEL(Greeting, field(weft_str, text), field(int, worker));

static int greet(const weft_none *in, Greeting *out)
{
    (void)in;
    *out = (Greeting){ settings.greeting, getpid() };
    return 0;
}

static const weft_app app = { .title = "deployed", .routes = WEFT_ROUTES(
    WEFT_GET("/", greet, weft_none, Greeting),
    WEFT_METRICS("/metrics"),
    WEFT_HEALTH("/healthz"),
    WEFT_READY("/readyz")) };

int main(void)
{
    if (weft_settings(Settings, &settings) < 0) return 2;
    return weft_serve(&app, .host = settings.host.ptr, .port = settings.port, .workers = settings.workers,
        .max_requests = 1000000, .unready_ms = 1000);
}
