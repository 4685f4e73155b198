#define _GNU_SOURCE
#include "os/objects.h"
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>

enum { KNOWN_MAX = 64, THE_PROGRAM = 1, RANDOM_BYTES = 16 };
static const uint64_t SEED = UINT64_C(0xcbf29ce484222325);

typedef struct object { uint64_t id; uintptr_t base, low, high; } object;

/* Those that were asked for: written under the lock, and counted when they are whole. */
static object known[KNOWN_MAX];
static unsigned known_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++) h = (h ^ at[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

/* Another number behind each exec, and the same behind a fork. */
static uint64_t of_this_start(void)
{
    static uint64_t number;
    uint64_t h = __atomic_load_n(&number, __ATOMIC_RELAXED);
    if (h) return h;
    const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);
    h = mix(SEED, random, random ? RANDOM_BYTES : 0);
    if (h <= THE_PROGRAM) h = THE_PROGRAM + 1;
    __atomic_store_n(&number, h, __ATOMIC_RELAXED);
    return h;
}

/* ---- one object ---- */

static uint64_t build_id(const char *at, size_t left)
{
    while (left >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const void *)at;
        size_t name = (note->n_namesz + 3u) & ~3u, size = sizeof *note + name + ((note->n_descsz + 3u) & ~3u);
        if (name > left || size > left) return 0;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(at + sizeof *note, "GNU", 4) == 0)
            return mix(SEED, at + sizeof *note + name, note->n_descsz);
        at += size;
        left -= size;
    }
    return 0;
}

static uint64_t id_of(const struct dl_phdr_info *info, bool first)
{
    uint64_t id = 0;
    if (first) return THE_PROGRAM;
    for (int i = 0; i < info->dlpi_phnum && !id; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_NOTE) id = build_id((const char *)(info->dlpi_addr + p->p_vaddr), p->p_memsz);
    }
    if (!id) id = mix(of_this_start(), &info->dlpi_addr, sizeof info->dlpi_addr);
    return id > THE_PROGRAM ? id : THE_PROGRAM + 1;
}

static object read_object(const struct dl_phdr_info *info, bool first)
{
    object o = { id_of(info, first), info->dlpi_addr, UINTPTR_MAX, 0 };
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t low = info->dlpi_addr + p->p_vaddr;
        if (p->p_type != PT_LOAD) continue;
        if (low < o.low) o.low = low;
        if (low + p->p_memsz > o.high) o.high = low + p->p_memsz;
    }
    return o;
}

/* ---- finding one ---- */

typedef struct search { uintptr_t address; uint64_t id; bool first, found; object it; } search;

static bool is_it(const search *s, const object *o) { return s->id ? o->id == s->id : s->address >= o->low && s->address < o->high; }

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
    search *s = arg;
    (void)size;
    object o = read_object(info, s->first);
    s->first = false;
    s->found = is_it(s, &o);
    if (s->found) s->it = o;
    return s->found;
}

static void remember(const object *o)
{
    pthread_mutex_lock(&lock);
    bool there = known_count == KNOWN_MAX;
    for (unsigned i = 0; i < known_count; i++) there |= known[i].base == o->base && known[i].id == o->id;
    if (!there) {
        known[known_count] = *o;
        __atomic_store_n(&known_count, known_count + 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&lock);
}

static bool find(search *s)
{
    unsigned n = __atomic_load_n(&known_count, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < n && !s->found; i++) {
        s->found = is_it(s, &known[i]);
        if (s->found) s->it = known[i];
    }
    if (s->found) return true;
    s->first = true;
    dl_iterate_phdr(look, s);
    if (s->found) remember(&s->it);
    return s->found;
}

weft__static_place weft__static_place_of(const void *what)
{
    search s = { .address = (uintptr_t)what };
    if (!find(&s)) return (weft__static_place){ of_this_start(), (int64_t)(intptr_t)what };
    return (weft__static_place){ s.it.id, (int64_t)((uintptr_t)what - s.it.base) };
}

void *weft__static_at(weft__static_place place)
{
    search s = { .id = place.object };
    if (place.object == of_this_start()) return (void *)(intptr_t)place.at;
    if (!place.object || !find(&s)) return NULL;
    uintptr_t at = s.it.base + (uintptr_t)place.at;
    return at >= s.it.low && at < s.it.high ? (void *)at : NULL;
}
