/* Clients of HTTP/2 that ask and take back, as fast as they can, and come again when they are cut off (tests/e2e/resets.sh).
 *
 *   resets PORT RESETS KIND
 *     KIND own: requests that the client itself resets; provoked: that the server has to, as they have no path. 2 000 on each connection, of
 *     which those count that the server has looked at before it said GOAWAY, until there were as many as said. At the end:
 *       resets N connections N most N calm N refused N
 *     most: the largest number of requests that a connection was allowed before GOAWAY; calm: connections that were told ENHANCE_YOUR_CALM */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ASKED = 2000, PREFACE = 24, HEAD = 9, ROOM = 128 * 1024, PATIENCE_S = 10, REFUSED_MAX = 100, ENHANCE_YOUR_CALM = 11 };
enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE };

typedef struct told { bool goaway; uint32_t last, code; } told;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "resets: %s: %s\n", what, strerror(errno));
    exit(1);
}

static unsigned char *put_u32(unsigned char *to, uint32_t n)
{
    for (int i = 24; i >= 0; i -= 8) *to++ = (unsigned char)(n >> i);
    return to;
}

static uint32_t u32(const unsigned char *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }

static unsigned char *put_head(unsigned char *to, unsigned bytes, int type, int flags, uint32_t stream)
{
    *to++ = 0;
    *to++ = (unsigned char)(bytes >> 8);
    *to++ = (unsigned char)bytes;
    *to++ = (unsigned char)type;
    *to++ = (unsigned char)flags;
    return put_u32(to, stream);
}

/* GET http://r/ and its end of the client's own will; or one without a path, which no server may answer (RFC 9113, 8.3.1). */
static unsigned char *put_request(unsigned char *to, uint32_t stream, bool own)
{
    static const unsigned char whole[] = { 0x82, 0x86, 0x41, 1, 'r', 0x84 };
    unsigned bytes = sizeof whole - !own;
    to = put_head(to, bytes, HEADERS, 5, stream);
    memcpy(to, whole, bytes);
    to += bytes;
    return own ? put_u32(put_head(to, 4, RST_STREAM, 0, stream), 8) : to;
}

static unsigned char *put_hello(unsigned char *to)
{
    memcpy(to, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PREFACE);
    return put_head(to + PREFACE, 0, SETTINGS, 0, 0);
}

static int reach(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { PATIENCE_S, 0 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return fd;
    close(fd);
    return -1;
}

/* Frames up to GOAWAY or the end of what the server says. */
static told listen_to(int fd)
{
    static unsigned char in[ROOM];
    told t = { 0 };
    size_t have = 0, at = 0;
    for (ssize_t n; (n = recv(fd, in + have, sizeof in - have, 0)) > 0;) {
        have += (size_t)n;
        for (size_t bytes; have - at >= HEAD && have - at >= (bytes = HEAD + (u32(in + at) >> 8)); at += bytes) {
            if (in[at + 3] != GOAWAY) continue;
            t = (told){ true, u32(in + at + HEAD) & 0x7fffffff, u32(in + at + HEAD + 4) };
            return t;
        }
        memmove(in, in + at, have - at);
        have -= at;
        at = 0;
    }
    return t;
}

/* What the server takes of it; what it has cut off already it does not. */
static void say(int fd, const unsigned char *bytes, size_t n)
{
    for (ssize_t went; n && (went = send(fd, bytes, n, MSG_NOSIGNAL)) > 0; n -= (size_t)went) bytes += went;
}

int main(int argc, char **argv)
{
    static unsigned char out[ASKED * 64];
    if (argc != 4) return 2;
    int port = atoi(argv[1]);
    long wanted = atol(argv[2]), done = 0, connections = 0, most = 0, calm = 0, refused = 0;
    bool own = strcmp(argv[3], "own") == 0;
    unsigned char *end = put_hello(out);
    for (uint32_t i = 0; i < ASKED; i++) end = put_request(end, 2 * i + 1, own);
    for (; done < wanted && refused < REFUSED_MAX;) {
        int fd = reach(port);
        if (fd < 0) {
            refused++;
            continue;
        }
        connections++;
        say(fd, out, (size_t)(end - out));
        told t = listen_to(fd);
        close(fd);
        long allowed = t.goaway ? (t.last + 1) / 2 : ASKED;
        if (allowed > most) most = allowed;
        done += allowed;
        calm += t.goaway && t.code == ENHANCE_YOUR_CALM;
    }
    printf("resets %ld connections %ld most %ld calm %ld refused %ld\n", done, connections, most, calm, refused);
    return 0;
}
