/* Opens keep-alive connections, has each answer one GET, says so on standard output, and holds them until
 * it is ended.   Usage: idle PORT CONNECTIONS  */
#include <sys/resource.h>
#include "bare/bare.h"

static const char request[] = "GET /items/42 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

static void raise_limit(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

/* Blocks until the whole answer is here; the next connection is opened after that, so no backlog fills. */
static void use_once(int port)
{
    char answer[1024];
    size_t have = 0;
    struct sockaddr_in at = bare_address(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) bare_die("socket");
    if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0) bare_die("connect");
    if (!bare_send(fd, request, sizeof request - 1)) bare_die("send");
    while (!have || answer[have - 1] != '}') {
        ssize_t n = recv(fd, answer + have, sizeof answer - have, 0);
        if (n <= 0) bare_die("recv");
        have += (size_t)n;
    }
    if (strncmp(answer, "HTTP/1.1 200", 12)) bare_die("an answer that is not 200");
}

int main(int argc, char **argv)
{
    int port = bare_port(argc, argv, 1, "PORT CONNECTIONS");
    int connections = argc > 2 ? atoi(argv[2]) : 0;

    raise_limit();
    for (int i = 0; i < connections; i++) use_once(port);
    printf("%d connections are idle\n", connections);
    fflush(stdout);
    pause();
    return 0;
}
