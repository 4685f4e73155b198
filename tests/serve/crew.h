#ifndef WEFT_TESTS_SERVE_CREW_H
#define WEFT_TESTS_SERVE_CREW_H
/* A service with workers, in processes of its own, and a client that asks it over real sockets. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "weft.h"
#include "weft/check.h"

#define CREW_FN __attribute__((unused)) static
enum { PATIENCE_MS = 20000 };

typedef struct serving { pid_t pid; int out, err, port; char said[512]; } serving;

CREW_FN serving serve_app(const weft_app *served, weft_serve_opts opts)
{
    serving s = { 0 };
    int out[2], err[2];
    if (!opts.port) opts.port = -1;
    if (!opts.workers) opts.workers = 2;
    WEFT_NEED(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
    fflush(NULL);
    s.pid = fork();
    if (s.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], 1);
        dup2(err[1], 2);
        exit(weft_serve_with(served, &opts));
    }
    close(out[1]);
    close(err[1]);
    s.out = out[0];
    s.err = err[0];
    ssize_t n = read(s.out, s.said, sizeof s.said - 1);
    s.said[n < 0 ? 0 : n] = 0;
    const char *colon = strrchr(s.said, ':');
    s.port = colon ? atoi(colon + 1) : 0;
    return s;
}

/* Its exit status, and what it wrote to stderr. */
CREW_FN int end(serving *s, char *text, size_t room)
{
    int status;
    size_t n = 0;
    char rest[256];
    for (ssize_t got; n + 1 < room && (got = read(s->err, text + n, room - 1 - n)) > 0;) n += (size_t)got;
    text[n] = 0;
    while (read(s->err, rest, sizeof rest) > 0) {}
    WEFT_NEED(waitpid(s->pid, &status, 0) == s->pid);
    close(s->out);
    close(s->err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

CREW_FN int stop(serving *s, char *text, size_t room)
{
    kill(s->pid, SIGTERM);
    return end(s, text, room);
}

CREW_FN int dial(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct timeval patience = { PATIENCE_MS / 1000, 0 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    WEFT_NEED(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return fd;
    close(fd);
    return -1;
}

CREW_FN bool request(int fd, const char *path)
{
    char text[256];
    int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    return send(fd, text, (size_t)n, MSG_NOSIGNAL) == n;
}

/* The status; the body's first number in *number. 0: none came. */
CREW_FN int answer(int fd, char *text, size_t room, int *number)
{
    size_t n = 0;
    const char *body = NULL;
    while (!body) {
        ssize_t got = n + 1 < room ? recv(fd, text + n, room - 1 - n, 0) : 0;
        if (got <= 0) return 0;
        n += (size_t)got;
        text[n] = 0;
        body = strstr(text, "\r\n\r\n");
    }
    *number = atoi(body + 4);
    return atoi(text + 9);
}

CREW_FN int ask(int port, const char *path, int *number)
{
    static char text[64 * 1024];
    int fd = dial(port), status = 0;
    if (fd >= 0 && request(fd, path)) status = answer(fd, text, sizeof text, number);
    if (fd >= 0) close(fd);
    return status;
}

CREW_FN void nap_ms(int ms) { usleep((useconds_t)ms * 1000); }

/* A number out of the text of /metrics, of the line that begins so. */
CREW_FN double metric(int port, const char *name)
{
    static char text[256 * 1024];
    size_t n = 0, len = strlen(name);
    int fd = dial(port);
    static const char asks[] = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    WEFT_NEED(fd >= 0 && send(fd, asks, sizeof asks - 1, 0) == sizeof asks - 1);
    for (ssize_t got; n + 1 < sizeof text && (got = recv(fd, text + n, sizeof text - 1 - n, 0)) > 0;) n += (size_t)got;
    text[n] = 0;
    close(fd);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, name, len) == 0 && line[len] == ' ') return atof(line + len);
    return -1;
}

CREW_FN bool becomes(int port, const char *name, double value)
{
    for (int i = 0; i < PATIENCE_MS / 50; i++) {
        if (metric(port, name) == value) return true;
        nap_ms(50);
    }
    return false;
}
#endif
