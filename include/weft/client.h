#ifndef WEFT_CLIENT_H
#define WEFT_CLIENT_H
/* The HTTP client. Connections are kept and shared by the whole loop: nothing needs to be opened, closed or
 * passed around, and a call per request costs no handshake.          Example: examples/compare.c  */
#include "weft/model.h"
#include "weft/task.h"

/* One value put into a URL (or, later, into SQL). */
typedef enum { WEFT__VAL_INT, WEFT__VAL_DOUBLE, WEFT__VAL_STR, WEFT__VAL_BOOL } weft_val_kind;
typedef struct weft_val { weft_val_kind kind; union { int64_t i; double d; weft_str s; }; } weft_val;
weft_val weft_val_int(int64_t), weft_val_bool(bool), weft_val_double(double), weft_val_str(weft_str), weft_val_cstr(const char *);
#define WEFT__VAL(x) _Generic((x), int: weft_val_int, long: weft_val_int, long long: weft_val_int, unsigned: weft_val_int, \
    _Bool: weft_val_bool, double: weft_val_double, weft_str: weft_val_str, char *: weft_val_cstr, const char *: weft_val_cstr)(x)
#define WEFT__VALS(...) (const weft_val[]){ WEFT__LIST(WEFT__VAL, __VA_ARGS__) }, WEFT__COUNT(__VA_ARGS__)
#define WEFT__NOVALS(...) WEFT__NOVALS_##__VA_OPT__(1)
#define WEFT__NOVALS_ (const weft_val *)0, 0
#define WEFT__NOVALS_1

/* GET a URL and read the answer into *out: a model, a list or a scalar from JSON, a weft_str from text. In
 * the URL "{}" is one value, percent-encoded as one path segment or one query value ("", "." and ".." are
 * refused as segments), and "{+}" a trusted base put in as it is. At most 16 values.
 *
 *     WEFT_TRY(weft_fetch(Price, &price, "http://alfa.example/price/{}", sku));
 *     WEFT_TRY(weft_fetch(weft_list_Flight, &out->flights, "{+}/flights?to={}", base, destination));
 *
 * Returns 0 or a code; weft_error_of(rc)->text says what was called, what came and after how long. An
 * answer that is not 2xx fails with WEFT_STATUS(502), and so does one that is not the model. *out is
 * untouched on failure. What it holds lives like weft_alloc's. A deadline of the scope or call around
 * it holds; without one the defaults below do. Waits: always.  */
#define weft_fetch(Model, out, url, ...) weft_fetch_with(&weft_schema_##Model, (Model *){ (out) }, "" url, __VA_OPT__(WEFT__VALS(__VA_ARGS__)) WEFT__NOVALS(__VA_ARGS__))
int weft_fetch_with(const weft_schema *, void *out, const char *url, const weft_val *, size_t) WEFT_NODISCARD;

/* A header of a request or an answer. */
typedef struct weft_header { weft_str name, value; } weft_header;

/* An answer as it came, whatever its status. Bodies are NUL-terminated. */
typedef struct weft_response { int status; weft_str body; const weft_header *headers; size_t header_count; } weft_response;

/* A header's value by name, in any case; an empty text when it is absent. Waits: never. */
weft_str weft_response_header(const weft_response *, const char *name);

/* What weft_exchange sends besides the URL, and the bounds it keeps; 0 takes the default named here. */
typedef struct weft_exchange_opts {
    weft__named_options_only _;
    const char *method;              /* "GET"; "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" */
    weft_str body;                   /* sent with Content-Length when it is not empty or the method wants one */
    const char *content_type;        /* of the body: "application/json" */
    const weft_header *headers; size_t header_count;   /* besides Host, Content-*, Connection and User-Agent */
    int connect_ms, read_ms, total_ms;                 /* 5 000; 30 000 between two reads; 60 000 for all */
    size_t body_bytes_max;           /* of the answer, decoded: 16 MiB */
} weft_exchange_opts;

/* Send any request and get the answer as it came: a 404 is a success here. Like weft_fetch otherwise:
 * weft_exchange(&answer, (.method = "DELETE"), "http://store/items/{}", id). The options stand in
 * parentheses, () for none. Redirects are given back, not followed. Waits: always.  */
#define weft_exchange(out, options, url, ...) weft_exchange_with((out), &(weft_exchange_opts){ WEFT__OPEN options }, "" url, \
    __VA_OPT__(WEFT__VALS(__VA_ARGS__)) WEFT__NOVALS(__VA_ARGS__))
#define WEFT__OPEN(...) __VA_ARGS__
int weft_exchange_with(weft_response *out, const weft_exchange_opts *, const char *url, const weft_val *, size_t) WEFT_NODISCARD;

/* How many connections the client keeps, for each loop; 0 takes the default named here. Calls beyond a limit wait for a
 * connection, in order. Host names that it has looked up are remembered: weft_dns_cache in net.h.  */
typedef struct weft_client_opts {
    weft__named_options_only _;
    int origin_connections_max;      /* to one scheme, host and port: 100 */
    int connections_max;             /* of a loop, to all of them: 1 000 */
    int idle_ms;                     /* how long one is kept unused: 30 000; servers often end them after 60 s or less */
} weft_client_opts;

/* Set them for all loops whose client has not made a call yet: in main, before weft_run or weft_serve. 0, or WEFT_EINVAL
 * for a negative one; WEFT_EBUSY: this loop's client has made a call. Waits: never.
 *
 *     weft_client_limits(.origin_connections_max = 20, .idle_ms = 5000);  */
#define weft_client_limits(...) weft_client_limits_with(&(weft_client_opts){ __VA_ARGS__ })
int weft_client_limits_with(const weft_client_opts *opts);
#endif
