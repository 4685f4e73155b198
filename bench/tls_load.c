/* TLS connections one after the other: new handshakes, or sessions taken up again, each with one GET, for some seconds; or many that
 * stay open.   Usage: tls_load PORT new|again SECONDS   tls_load PORT idle CONNECTIONS
 * Prints how many handshakes there were; of idle ones that they are open, until it is ended. */
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <time.h>
#include "bare/bare.h"

static const char request[] = "GET /items/42 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
static SSL_SESSION *session;

static int keep_session(SSL *ssl, SSL_SESSION *s)
{
    (void)ssl;
    SSL_SESSION_free(session);
    session = s;
    return 1;
}

static SSL_CTX *context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx) bare_die("SSL_CTX_new");
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, keep_session);
    return ctx;
}

static SSL *use_once(SSL_CTX *ctx, int port, bool again)
{
    char answer[2048];
    struct sockaddr_in at = bare_address(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SSL *ssl = SSL_new(ctx);
    if (fd < 0 || !ssl || connect(fd, (struct sockaddr *)&at, sizeof at) < 0) bare_die("connect");
    if (again && session) SSL_set_session(ssl, session);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1 || SSL_write(ssl, request, sizeof request - 1) <= 0) bare_die("a handshake");
    if (SSL_read(ssl, answer, sizeof answer) < 12 || strncmp(answer, "HTTP/1.1 200", 12)) bare_die("an answer that is not 200");
    return ssl;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void stay(SSL_CTX *ctx, int port, int connections)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 0; i < connections; i++) (void)use_once(ctx, port, false);
    puts("open");
    fflush(stdout);
    pause();
}

int main(int argc, char **argv)
{
    int port = bare_port(argc, argv, 1, "PORT new|again SECONDS, or PORT idle CONNECTIONS");
    if (argc < 4) bare_die("PORT new|again SECONDS, or PORT idle CONNECTIONS");
    SSL_CTX *ctx = context();
    bool again = strcmp(argv[2], "again") == 0;
    long count = 0;
    if (strcmp(argv[2], "idle") == 0) stay(ctx, port, atoi(argv[3]));
    for (double end = now() + atof(argv[3]); now() < end; count++) {
        SSL *ssl = use_once(ctx, port, again);
        int fd = SSL_get_fd(ssl);
        SSL_shutdown(ssl);
        SSL_free(ssl);
        close(fd);
    }
    printf("%ld\n", count);
    return 0;
}
