/* The bare HTTP server: GET /items/{n} and POST /items, many of them in one send when pipelined.
 * Usage: bare_http PORT  */
#include "bare.h"
#include "item.h"

enum {
    INPUT_BYTES = 8192,
    HEAD_BYTES_MAX = 128,   /* of an answer */
    REQUEST_BYTES_MIN = 4,  /* a bare empty line: it is answered 404 */
    /* Room for the answers to everything that fits an input: a body is at most as long as what it echoes
     * plus one number, and each answer has a head. */
    OUTPUT_BYTES = INPUT_BYTES + INPUT_BYTES / REQUEST_BYTES_MIN * (HEAD_BYTES_MAX + ITEM_BYTES_MORE),
};

typedef struct client {
    int fd;
    size_t have;
    char input[INPUT_BYTES + 16]; /* NUL-terminated, for strtod; the rest is room for answer_one */
} client;

static char output[OUTPUT_BYTES];

static char *put_answer(char *out, const char *body, int len)
{
    out += sprintf(out,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len);
    memcpy(out, body, (size_t)len);
    return out + len;
}

static char *put_refusal(char *out, const char *status)
{
    return out + sprintf(out, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", status);
}

static char *answer_get(char *out, const char *number)
{
    char body[64];
    long id = 0;
    const char *p = number;
    while (*p >= '0' && *p <= '9' && p - number < 18) id = id * 10 + (*p++ - '0');
    if (p == number || *p != ' ') return put_refusal(out, "422 Unprocessable Entity");
    return put_answer(out, body, sprintf(body, "{\"item_id\":%ld}", id));
}

static char *answer_post(char *out, const char *json, const char *json_end)
{
    static char body[INPUT_BYTES + ITEM_BYTES_MORE];
    item it;
    if (!item_read(json, json_end, &it)) return put_refusal(out, "422 Unprocessable Entity");
    return put_answer(out, body, item_write(&it, body));
}

/* Answers the request at `from` and returns its end, or NULL while it has not all come. The method and path
 * are compared without a look at the length: input has room past its end, and what matches holds no line
 * end, so it lies within the head. */
static const char *answer_one(const char *from, const char *end, char **out)
{
    const char *body = bare_head_end(from, end);
    if (!body) return NULL;
    if (!memcmp(from, "GET /items/", 11)) {
        *out = answer_get(*out, from + 11);
        return body;
    }
    long length = bare_body_length(from, body, INPUT_BYTES);
    if (length < 0 || end - body < length) return NULL;
    if (!memcmp(from, "POST /items ", 12)) *out = answer_post(*out, body, body + length);
    else *out = put_refusal(*out, "404 Not Found");
    return body + length;
}

/* One recv, and one send for all requests that it completed. False when the client is to be closed. */
static bool client_serve(client *c)
{
    ssize_t n = recv(c->fd, c->input + c->have, INPUT_BYTES - c->have, 0);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    c->have += (size_t)n;
    c->input[c->have] = 0;

    const char *from = c->input, *end = c->input + c->have, *next;
    char *out = output;
    while ((next = answer_one(from, end, &out))) from = next;
    c->have = (size_t)(end - from);
    if (c->have && from != c->input) memmove(c->input, from, c->have);
    if (out > output && !bare_send(c->fd, output, (size_t)(out - output))) return false;
    return c->have < INPUT_BYTES;
}

static void accept_all(int ep, int listener)
{
    for (int fd; (fd = bare_accept(listener)) >= 0;) {
        client *c = malloc(sizeof *c);
        if (!c) bare_die("malloc");
        c->fd = fd;
        c->have = 0;
        bare_watch(ep, fd, c);
    }
}

int main(int argc, char **argv)
{
    int listener = bare_listen(bare_port(argc, argv, 1, "PORT"));
    int ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[BARE_EVENTS];

    bare_watch(ep, listener, NULL);
    for (;;) {
        int n = epoll_wait(ep, events, BARE_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            client *c = events[i].data.ptr;
            if (!c) {
                accept_all(ep, listener);
            } else if (!client_serve(c)) {
                close(c->fd);
                free(c);
            }
        }
    }
}
