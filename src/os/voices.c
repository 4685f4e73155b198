/* The memory in which processes of a fleet hear each other. */
#define _GNU_SOURCE
#include "os/voices.h"
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What lies in the memory, and what is said in it: another number for each weft in which either is other than before. */
enum { FORM = 1, HEAD_BYTES = 4096 };
typedef struct weft__voices_head { uint64_t form, voice_bytes, count; } head;

static size_t bytes_for(unsigned count) { return HEAD_BYTES + count * sizeof(weft__voice); }

static int map(weft__voices *v)
{
    void *at = mmap(NULL, bytes_for(v->count), PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (at == MAP_FAILED) return -errno;
    v->head = at;
    return 0;
}

static int open_bells(weft__voices *v)
{
    for (unsigned i = 0; i < v->count; i++)
        if ((v->bells[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) return -errno;
    return 0;
}

static void begin(weft__voices *v, unsigned count)
{
    *v = (weft__voices){ .count = count, .fd = -1 };
    for (unsigned i = 0; i < WEFT__VOICES_MAX; i++) v->bells[i] = -1;
}

int weft__voices_open(weft__voices *v, unsigned count)
{
    begin(v, count);
    v->fd = memfd_create("weft voices", MFD_CLOEXEC);
    int rc = v->fd < 0 || ftruncate(v->fd, (off_t)bytes_for(count)) < 0 ? -errno : 0;
    if (rc == 0) rc = map(v);
    if (rc == 0) rc = open_bells(v);
    if (rc == 0) *v->head = (head){ FORM, sizeof(weft__voice), count };
    else weft__voices_close(v);
    return rc;
}

static unsigned free_ones(const weft__voices *v)
{
    unsigned n = 0;
    for (unsigned i = 0; i < v->count; i++) n += __atomic_load_n(&weft__voices_at(v, i)->state, __ATOMIC_ACQUIRE) == WEFT__VOICE_FREE;
    return n;
}

static bool is_ours(const weft__voices *v)
{
    return v->head->form == FORM && v->head->voice_bytes == sizeof(weft__voice) && v->head->count == v->count;
}

bool weft__voices_adopt(weft__voices *v, int fd, const int *bells, unsigned count, unsigned free)
{
    struct stat st;
    begin(v, 0);
    if (!count || count > WEFT__VOICES_MAX || fstat(fd, &st) < 0 || (uint64_t)st.st_size != bytes_for(count)) return false;
    v->count = count;
    v->fd = fd;
    bool good = map(v) == 0 && is_ours(v) && free_ones(v) >= free;
    if (good) memcpy(v->bells, bells, count * sizeof *bells);
    else {
        v->fd = -1;                                  /* theirs to close */
        weft__voices_close(v);
    }
    return good;
}

void weft__voices_close(weft__voices *v)
{
    for (unsigned i = 0; i < v->count; i++)
        if (v->bells[i] >= 0) close(v->bells[i]);
    if (v->count && v->fd >= 0) close(v->fd);
    if (v->head) munmap(v->head, bytes_for(v->count));
    begin(v, 0);
}

weft__voice *weft__voices_at(const weft__voices *v, unsigned i) { return (weft__voice *)(void *)((char *)v->head + HEAD_BYTES) + i; }

void weft__eventfd_ring(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0) { /* full: then it is awake already */ }
}

void weft__voices_ring(const weft__voices *v, unsigned i)
{
    weft__voice *one = weft__voices_at(v, i);
    bool had = __atomic_load_n(&one->state, __ATOMIC_RELAXED) != WEFT__VOICE_FREE;
    if (had && !__atomic_exchange_n(&one->rung, 1, __ATOMIC_ACQ_REL)) weft__eventfd_ring(v->bells[i]);
}

void weft__voice_take(weft__voice *one)
{
    __atomic_store_n(&one->pid, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&one->incarnation, one->incarnation + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&one->state, WEFT__VOICE_TAKEN, __ATOMIC_RELEASE);
}

void weft__voice_is_of(weft__voice *one, int32_t pid) { __atomic_store_n(&one->pid, pid, __ATOMIC_RELAXED); }

void weft__voice_leave(weft__voice *one)
{
    __atomic_store_n(&one->pid, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&one->state, WEFT__VOICE_FREE, __ATOMIC_RELEASE);
}
