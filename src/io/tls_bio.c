/* How OpenSSL reads and writes: on the desk of the loop, where one connection's bytes lie during a call. It is shown whole
 * records alone, so that half of one costs its own bytes and not OpenSSL's buffers. */
#include <stdatomic.h>
#include "io/tls_inside.h"

/* RFC 8446, 5.1: type, version, and how many bytes follow. */
static size_t record_at(const char *bytes, size_t len)
{
    const unsigned char *head = (const unsigned char *)bytes;
    if (len < WEFT__TLS_HEAD) return 0;
    size_t more = (size_t)head[3] << 8 | head[4];
    if (more > WEFT__TLS_CIPHER) return len;
    return WEFT__TLS_HEAD + more <= len ? WEFT__TLS_HEAD + more : 0;
}

size_t weft__tls_whole(const char *bytes, size_t len)
{
    size_t whole = 0;
    for (size_t n; (n = record_at(bytes + whole, len - whole)) != 0;) whole += n;
    return whole;
}

static int bio_read(BIO *bio, char *to, size_t n, size_t *got)
{
    weft__tls *t = BIO_get_data(bio);
    weft__tls_desk *d = weft__tls_desk_of(t->loop);
    BIO_clear_retry_flags(bio);
    *got = d->in_ready - d->in_at < n ? d->in_ready - d->in_at : n;
    if (!*got) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(to, d->in + d->in_at, *got);
    d->in_at += (uint32_t)*got;
    return 1;
}

static int bio_write(BIO *bio, const char *from, size_t n, size_t *went)
{
    weft__tls *t = BIO_get_data(bio);
    weft__tls_desk *d = weft__tls_desk_of(t->loop);
    BIO_clear_retry_flags(bio);
    *went = sizeof d->out - d->out_len < n ? sizeof d->out - d->out_len : n;
    if (t->out_len + d->out_len > WEFT__TLS_OUT) *went = 0;
    if (!*went) {
        BIO_set_retry_write(bio);
        return 0;
    }
    memcpy(d->out + d->out_len, from, *went);
    d->out_len += (uint32_t)*went;
    return 1;
}

static long bio_ctrl(BIO *bio, int what, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH;
}

/* Made once a process, by whichever thread is first. */
static BIO_METHOD *method(void)
{
    static BIO_METHOD *_Atomic made;
    BIO_METHOD *m = atomic_load(&made), *none = NULL;
    if (m) return m;
    int index = BIO_get_new_index();
    m = index < 0 ? NULL : BIO_meth_new(index | BIO_TYPE_SOURCE_SINK, "weft");
    if (!m) return NULL;
    BIO_meth_set_read_ex(m, bio_read);
    BIO_meth_set_write_ex(m, bio_write);
    BIO_meth_set_ctrl(m, bio_ctrl);
    if (atomic_compare_exchange_strong(&made, &none, m)) return m;
    BIO_meth_free(m);
    return none;
}

BIO *weft__tls_bio(weft__tls *t)
{
    BIO *bio = method() ? BIO_new(method()) : NULL;
    if (!bio) return NULL;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    return bio;
}
