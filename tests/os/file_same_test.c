/* The simulator's disk answers as the kernel does: random scripts of operations, by seed, run in both. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include "disk.h"

enum { SLOTS = 5, STEPS = 200, NO_FD = 987654, BYTES = 300 };

typedef struct both { disk kernel, sim; int kernel_fd[SLOTS], sim_fd[SLOTS]; uint64_t random; char said[256]; } both;

static unsigned draw(both *b, unsigned n)
{
    b->random = b->random * 6364136223846793005 + 1442695040888963407;
    return (unsigned)(b->random >> 33) % n;
}

/* Few names, so that they meet; and those that a walk stumbles over. */
static const char *path(both *b)
{
    static char long_name[300], long_path[5000], part_too_long[310];
    static const char *const plain[] = { "a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/a", "e", "e/a", "e/d" };
    static const char *const odd[] = { "", ".", "./a", "a/", "d/", "d//a", "d/.", "d/..", "e/../d", "d/e/..", "d/e/../a",
        "a/.", "a/..", "a/x", "missing/x", "d/missing/", "missing/", "d/e/", "d/e/.", "./", "e/./a", "/", long_name,
        long_path, part_too_long, "e//", "b/" };
    memset(long_name, 'n', 256);
    for (int i = 0; i < 2300; i++) memcpy(long_path + 2 * i, "./", 2);
    memset(part_too_long, 'm', 300);
    memcpy(part_too_long + 300, "/a", 2);
    for (;;) {
        const char *p = draw(b, 10) < 8 ? plain[draw(b, weft_count(plain))] : odd[draw(b, weft_count(odd))];
        if (*p != '/') return p;             /* the roots differ */
    }
}

static int flags(both *b)
{
    static const int access[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR };
    static const int more[] = { O_CREAT, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY };
    int f = access[draw(b, 4)];
    for (size_t i = 0; i < weft_count(more); i++)
        if (!draw(b, 3)) f |= more[i];
    return f & O_CREAT ? f : f & ~O_EXCL;    /* without O_CREAT its meaning is nobody's */
}

/* One operation in both worlds; the same result but for descriptors, or the test ends. */
static int64_t same(both *b, weft__file_op kernel, weft__file_op sim)
{
    int64_t k = disk_do(&b->kernel, kernel), s = disk_do(&b->sim, sim);
    bool fd = kernel.kind == WEFT__FILE_OPEN || kernel.kind == WEFT__FILE_TEMP;
    if (k == s || (fd && k >= 0 && s >= 0)) return k;
    WEFT_CHECK_STR(weft_str_of(b->said), "a step with the same result in both");
    WEFT_CHECK_EQ(s, k);
    weft__test_abort();                              /* from here on nothing is the same */
}

static void open_both(both *b, int slot)
{
    weft__file_op op = { .kind = draw(b, 8) ? WEFT__FILE_OPEN : WEFT__FILE_TEMP, .path = path(b) };
    op.flags = op.kind == WEFT__FILE_OPEN ? flags(b) : 0;
    op.mode = draw(b, 2) ? 0666 : 0600;
    snprintf(b->said, sizeof b->said, "open %.60s flags %o kind %d", op.path, (unsigned)op.flags, op.kind);
    if (b->kernel_fd[slot] != NO_FD) return;
    int64_t k = disk_do(&b->kernel, op), s = disk_do(&b->sim, op);
    if ((k < 0 || s < 0) && k != s) WEFT_CHECK_STR(weft_str_of(b->said), "the same in both");
    if (k < 0 || s < 0) WEFT_CHECK_EQ(s, k);
    if (k >= 0) b->kernel_fd[slot] = (int)k;
    if (s >= 0) b->sim_fd[slot] = (int)s;
}

static void move_both(both *b, int slot)
{
    char bytes[BYTES], other[BYTES];
    memset(bytes, 'a' + (int)draw(b, 26), sizeof bytes);
    memcpy(other, bytes, sizeof other);
    unsigned cut = draw(b, 100), n = cut + draw(b, BYTES - 100);
    struct iovec kernel[3] = { { bytes, cut }, { NULL, 0 }, { bytes + cut, n - cut } };
    struct iovec sim[3] = { { other, cut }, { NULL, 0 }, { other + cut, n - cut } };
    weft__file_op op = { .kind = draw(b, 2) ? WEFT__FILE_READ : WEFT__FILE_WRITE, .fd = b->kernel_fd[slot], .iov = kernel,
        .iov_count = 3, .offset = draw(b, 2) ? -1 : (int)draw(b, 1000) };
    if (!draw(b, 40)) op.offset = -2;
    if (!draw(b, 40)) op.iov_count = draw(b, 2) ? 0 : 1025;
    weft__file_op twin = op;
    twin.fd = b->sim_fd[slot];
    twin.iov = sim;
    if (n == 0 && op.kind == WEFT__FILE_READ) return;        /* of a directory: file systems differ */
    snprintf(b->said, sizeof b->said, "move kind %d slot %d at %lld n %u", op.kind, slot, (long long)op.offset, n);
    same(b, op, twin);
    WEFT_CHECK(!memcmp(bytes, other, sizeof bytes));
}

static void stat_both(both *b, int slot)
{
    struct stat kernel = { 0 }, sim = { 0 };
    bool by_path = draw(b, 2);
    weft__file_op op = { .kind = WEFT__FILE_STAT, .fd = by_path ? -1 : b->kernel_fd[slot], .path = path(b), .stat = &kernel };
    weft__file_op twin = op;
    twin.fd = by_path ? -1 : b->sim_fd[slot];
    twin.stat = &sim;
    snprintf(b->said, sizeof b->said, "stat %.60s slot %d", by_path ? op.path : "", slot);
    if (same(b, op, twin) < 0) return;
    WEFT_CHECK_EQ(sim.st_mode, kernel.st_mode);
    if (S_ISDIR(kernel.st_mode)) return;
    WEFT_CHECK_EQ(sim.st_size, kernel.st_size);
    WEFT_CHECK_EQ(sim.st_nlink, kernel.st_nlink);
}

static void name_both(both *b)
{
    static const weft__file_kind kinds[] = { WEFT__FILE_RENAME, WEFT__FILE_RENAME, WEFT__FILE_REMOVE, WEFT__FILE_MKDIR,
        WEFT__FILE_MKDIR, WEFT__FILE_SYNC_PATH };
    weft__file_op op = { .kind = kinds[draw(b, weft_count(kinds))], .mode = draw(b, 2) ? 0777 : 0750 };
    op.path = path(b);
    op.to = path(b);
    /* Which fault comes first depends on the kernel. */
    if (op.kind == WEFT__FILE_RENAME && strlen(op.to) > 255 && disk_size(&b->sim, op.path) < 0) return;
    snprintf(b->said, sizeof b->said, "names kind %d %.60s to %.60s", op.kind, op.path, op.to);
    same(b, op, op);
}

static void fd_both(both *b, int slot)
{
    static const weft__file_kind kinds[] = { WEFT__FILE_CLOSE, WEFT__FILE_CLOSE, WEFT__FILE_SYNC, WEFT__FILE_TRUNCATE };
    weft__file_op op = { .kind = kinds[draw(b, weft_count(kinds))], .fd = b->kernel_fd[slot] };
    op.offset = draw(b, 10) ? (int)draw(b, 1200) : -1;
    weft__file_op twin = op;
    twin.fd = b->sim_fd[slot];
    snprintf(b->said, sizeof b->said, "fd kind %d slot %d %lld", op.kind, slot, (long long)op.offset);
    same(b, op, twin);
    if (op.kind == WEFT__FILE_CLOSE) b->kernel_fd[slot] = b->sim_fd[slot] = NO_FD;
}

static void list_both(both *b)
{
    const char *p = path(b), *kernel = disk_names(&b->kernel, p), *sim = disk_names(&b->sim, p);
    WEFT_CHECK_EQ(sim != NULL, kernel != NULL);
    if (sim && kernel) WEFT_CHECK_STR(weft_str_of(sim), kernel);
}

static void step(both *b)
{
    int slot = (int)draw(b, SLOTS);
    unsigned what = draw(b, 20);
    if (what < 5) open_both(b, slot);
    else if (what < 11) move_both(b, slot);
    else if (what < 13) stat_both(b, slot);
    else if (what < 16) name_both(b);
    else if (what < 19) fd_both(b, slot);
    else list_both(b);
}

static void compare_tree(both *b, const char *dir, int depth)
{
    WEFT_NEED(depth < 10);
    const char *kernel = disk_names(&b->kernel, dir), *sim = disk_names(&b->sim, dir);
    WEFT_NEED(kernel && sim);
    WEFT_CHECK_STR(weft_str_of(sim), kernel);
    char *names = strdup(kernel), *at = names, inner[256];
    for (char *name; (name = strsep(&at, " ")) && *name;) {
        WEFT_NEED(snprintf(inner, sizeof inner, "%s/%s", dir, name) < (int)sizeof inner);
        const char *text = disk_get(&b->kernel, inner);
        if (text) WEFT_CHECK_STR(weft_str_of(disk_get(&b->sim, inner)), text);
        else compare_tree(b, inner, depth + 1);
    }
    free(names);
}

static void run(uint64_t seed, weft__folder where)
{
    both b = { .random = seed, .kernel = disk_linux(where), .sim = disk_sim(&(weft__sim_opts){ .seed = seed }) };
    for (int i = 0; i < SLOTS; i++) b.kernel_fd[i] = b.sim_fd[i] = NO_FD;
    for (int i = 0; i < STEPS; i++) step(&b);
    compare_tree(&b, ".", 0);
    for (int i = 0; i < SLOTS; i++) {
        if (b.kernel_fd[i] == NO_FD) continue;
        disk_close(&b.kernel, b.kernel_fd[i]);
        disk_close(&b.sim, b.sim_fd[i]);
    }
    disk_end(&b.sim);
    disk_end(&b.kernel);
}

WEFT_TEST(the_simulated_disk_answers_as_the_kernels_on_disk)
{
    for (uint64_t seed = 1; seed <= 150; seed++) run(seed, WEFT__ON_DISK);
}

WEFT_TEST(the_simulated_disk_answers_as_the_kernels_in_memory)
{
    struct statfs fs;
    if (statfs("/dev/shm", &fs) < 0) WEFT_SKIP("there is no /dev/shm");
    for (uint64_t seed = 1001; seed <= 1200; seed++) run(seed, WEFT__IN_MEMORY);
}
