#ifndef WEFT_TESTS_OS_DISK_H
#define WEFT_TESTS_OS_DISK_H
/* File operations in short, in the kernel's world and in the simulated one. Paths are relative; the kernel's world has
 * a directory of its own, which is the working directory. */
#include <fcntl.h>
#include "os/file.h"
#include "os/sim.h"
#include "testing/folder.h"
#include "weft/check.h"

typedef struct disk { weft__os *os; char path[64]; int before; } disk;

disk disk_linux(weft__folder where);
disk disk_sim(const weft__sim_opts *opts);
void disk_end(disk *d);                              /* everything must have been closed */

/* Each returns the result of one operation. */
int64_t disk_do(disk *d, weft__file_op op);
int disk_open(disk *d, const char *path, int flags); /* mode 0644 */
int64_t disk_close(disk *d, int fd);
int64_t disk_write(disk *d, int fd, const char *text, int64_t at);
int64_t disk_read(disk *d, int fd, char *to, size_t n, int64_t at);
int64_t disk_sync(disk *d, int fd);
int64_t disk_sync_path(disk *d, const char *path);
int64_t disk_rename(disk *d, const char *path, const char *to);
int64_t disk_remove(disk *d, const char *path);
int64_t disk_mkdir(disk *d, const char *path);
int64_t disk_size(disk *d, const char *path);        /* or the code that stat failed with */
/* All names in a directory, ordered, each with a blank behind it, in static memory of which there are four; or NULL. */
const char *disk_names(disk *d, const char *path);
/* A file that holds this text, or -errno; the whole of a file, in static memory as above, or NULL. */
int64_t disk_put(disk *d, const char *path, const char *text);
const char *disk_get(disk *d, const char *path);

/* A test in both worlds. */
#define DISK_TEST(name) \
    static void name(disk *d); \
    WEFT_TEST(linux_##name) { disk d = disk_linux(WEFT__ON_DISK); name(&d); disk_end(&d); } \
    WEFT_TEST(sim_##name) { disk d = disk_sim(&(weft__sim_opts){ .seed = 1 }); name(&d); disk_end(&d); } \
    static void name(disk *d)
#endif
