/* Answers that are larger than memory, or never end: read row by row, copied to a file, left in the middle. The store is
 * another task of this program that speaks HTTP by hand. */
#include <stdio.h>
#include <string.h>
#include <weft.h>

#define EXPORT "weft-example-export.txt"

WEFT_MODEL(Order, field(int, number), field(double, price));

static char store[64];

static int all_price(void)
{
    Order order;
    int count = 0;
    double sum = 0;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download(&d, "{+}/orders", store));
    for (int rc; (rc = weft_download_item(Order, d, &order)) != 0;) {
        WEFT_TRY(rc);
        count++;
        sum += order.price;
    }
    printf("%d orders: %.2f\n", count, sum);
    return 0;
}

static int save(void)
{
    weft_str piece;
    WEFT_FILE(f);
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_file_open(&f, EXPORT, .write = true, .create = true, .truncate = true));
    WEFT_TRY(weft_download(&d, "{+}/export", store));
    for (int rc; (rc = weft_download_read(d, &piece)) != 0;) {
        WEFT_TRY(rc);
        WEFT_TRY(weft_file_write(f, piece));
    }
    printf("%lld bytes in %s\n", (long long)weft_file_position(f), EXPORT);
    return weft_file_remove(EXPORT);
}

/* A log without an end: leaving the block gives the connection back. */
static int first_lines(void)
{
    weft_str line;
    WEFT_DOWNLOAD(d);
    WEFT_TRY(weft_download_open(&d, (.read_ms = 120000), "{+}/log", store));
    for (int n = 0; n < 3; n++) {
        WEFT_TRY(weft_download_line(d, &line));
        printf("%s\n", line.ptr);
    }
    return 0;
}

/* ---- the store ---- */

static int chunk(weft_conn *c, weft_str text)
{
    WEFT_TRY(weft_conn_print(c, "%zx\r\n", text.len));
    return weft_conn_write_n(c, (weft_str[]){ text, WEFT_S("\r\n") }, 2);
}

static int orders(weft_conn *c)
{
    for (int n = 1; n <= 10000; n++) {
        WEFT_TEMP;
        WEFT_TRY(chunk(c, weft_format("{\"number\": %d, \"price\": %.1f}\n", n, n * 1.5)));
    }
    return weft_conn_write(c, WEFT_S("0\r\n\r\n"));
}

static int export(weft_conn *c)
{
    static char page[64 * 1024];
    for (int n = 0; n < 1024; n++) WEFT_TRY(weft_conn_write(c, (weft_str){ page, sizeof page }));
    return 0;
}

static int log_lines(weft_conn *c)
{
    for (int n = 1;; n++) {
        WEFT_TEMP;
        WEFT_TRY(chunk(c, weft_format("line %d\n", n)));
        WEFT_TRY(weft_sleep_ms(20));
    }
}

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static int talk(weft_conn *c, void *ctx)
{
    weft_str head;
    (void)ctx;
    while (weft_conn_until(c, WEFT_S("\r\n\r\n"), 4096, &head) > 0) {
        bool exports = strncmp(head.ptr, "GET /export ", 12) == 0, lists = strncmp(head.ptr, "GET /orders ", 12) == 0;
        WEFT_TRY(weft_conn_write(c, exports ? WEFT_S(OK "Content-Length: 67108864\r\n\r\n") : WEFT_S(OK CHUNKED)));
        WEFT_TRY(exports ? export(c) : lists ? orders(c) : log_lines(c));
    }
    return 0;
}

static int sell(weft_listener *const *l) { return weft_listener_serve(*l, talk); }

static int program(void)
{
    WEFT_LISTENER(l);
    WEFT_SCOPE(selling);
    WEFT_TRY(weft_listen(&l, "127.0.0.1", 0));
    snprintf(store, sizeof store, "http://127.0.0.1:%d", weft_listener_port(l));
    weft_spawn(selling, sell, &l);
    WEFT_TRY(all_price());
    WEFT_TRY(save());
    WEFT_TRY(first_lines());
    weft_cancel(selling);
    return 0;
}

int main(void) { return weft_run(program); }
