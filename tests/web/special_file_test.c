/* What lies in a folder and is no file, on a real disk: never sent, never waited for, and no failure of the server's. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "http/server.h"
#include "io/stream.h"
#include "task/world.h"
#include "testing/folder.h"
#include "weft.h"
#include "web/app.h"

static int null_device(const weft_none *in, weft_reply *out) { (void)in; return weft_reply_file(out, "/dev/null"); }
static int beneath(const weft_none *in, weft_reply *out) { (void)in; return weft_reply_file(out, "null", .beneath = "/dev"); }

static const weft_app app = { .routes = WEFT_ROUTES(
    WEFT_GET("/null", null_device, weft_none, weft_reply),
    WEFT_GET("/beneath", beneath, weft_none, weft_reply),
    WEFT_STATIC("/dev", "/dev"),
    WEFT_STATIC("", "folder", .fallback = "index.html")) };

static struct { weft__app *app; weft__server *server; int status; } now;

static int serve(void) { return weft__server_run(now.server); }

static int ask_server(const char *path)
{
    char in[4096];
    weft__stream s;
    weft__addr to;
    weft_str request = weft_format("GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    struct iovec iov = { (void *)(uintptr_t)request.ptr, request.len };
    WEFT_TRY(weft__addr_parse(WEFT_S("127.0.0.1"), weft__server_port(now.server), &to));
    WEFT_TRY(weft__stream_connect(&s, weft__loop_here(), &to, INT64_MAX));
    ssize_t n = weft__stream_send(&s, &iov, 1, INT64_MAX);
    if (n == 0) n = weft__stream_recv(&s, in, sizeof in - 1, INT64_MAX);
    in[n > 0 ? n : 0] = 0;
    now.status = n > 12 ? atoi(in + 9) : 0;
    weft__stream_close(&s);
    return n < 0 ? (int)n : 0;
}

static int ask(const char *const *path)
{
    char why[256];
    WEFT_TRY(weft__server_open(&now.server, &(weft_serve_opts){ .port = -1 }, weft__app_handle, now.app, why));
    {
        WEFT_SCOPE(servers);
        weft_spawn(servers, serve);
        WEFT_TRY(ask_server(*path));
        weft__server_stop(now.server);
        WEFT_TRY(weft_join(servers));
    }
    weft__server_free(now.server);
    return 0;
}

static int status_of(const char *path)
{
    weft__os *os = weft__os_linux_new();
    weft__loop *loop = os ? weft__loop_new(os) : NULL;
    WEFT_NEED(loop != NULL);
    WEFT_CHECK_EQ(weft__loop_run(loop, weft_call(ask, &path)), 0);
    weft__loop_free(loop);
    os->ops->free(os);
    return now.status;
}

/* A folder with a pipe and a socket in it, in the working directory, which is its own. */
static void make_folder(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    snprintf(at.sun_path, sizeof at.sun_path, "folder/socket");
    WEFT_NEED(chdir(weft__test_folder(WEFT__ON_DISK)) == 0 && mkdir("folder", 0755) == 0 && mkfifo("folder/pipe", 0644) == 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    WEFT_NEED(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    close(fd);
}

WEFT_TEST(pipes_sockets_and_devices_are_not_there)
{
    static const char *const absent[] = { "/pipe", "/socket", "/dev/null", "/dev/zero", "/dev/tty", "/beneath" };
    weft__buf faults;
    make_folder();
    weft__buf_init(&faults, 4096);
    WEFT_NEED(weft__app_compile(&app, &now.app, &faults) == 0);
    world_capture_begin();
    for (size_t i = 0; i < weft_count(absent); i++) {
        int status = status_of(absent[i]);
        if (status != 404) weft__check_fail(__FILE__, __LINE__, "%s gives %d", absent[i], status);
    }
    WEFT_CHECK_STR(weft_str_of(world_capture_end()), "");
    world_capture_begin();
    WEFT_CHECK_EQ(status_of("/null"), 500);
    WEFT_CHECK(strstr(world_capture_end(), "cannot answer with /dev/null: it is no regular file") != NULL);
    weft__app_free(now.app);
    weft__buf_free(&faults);
    WEFT_CHECK_EQ(chdir("/"), 0);
}
