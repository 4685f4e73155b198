#define _GNU_SOURCE
#include "file_world.h"
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "testing/folder.h"

/* ---- reads that take their time ---- */

static weft__os_ops slow_ops;
static weft__file_ops slow_files;
static const weft__os_ops *fast;

static void slow_do(weft__os *os, weft__file_op *op)
{
    if (op->kind == WEFT__FILE_READ && op->at_once) {
        op->result = -EAGAIN;
        return;
    }
    if (op->kind == WEFT__FILE_READ && !fast->virtual_time) nanosleep(&(struct timespec){ 0, JOB_MS * 1000000L }, NULL);
    fast->files->file_do(os, op);
}

void file_slow_reads(void)
{
    fast = world_now.os->ops;
    slow_ops = *fast;
    slow_files = (weft__file_ops){ .file_do = slow_do };
    slow_ops.files = &slow_files;
    world_now.os->ops = &slow_ops;
}

/* ---- worlds ---- */

void file_epoll(weft_call body)
{
    WEFT_NEED(chdir(weft__test_folder(WEFT__ON_DISK)) == 0);
    umask(022);
    world_epoll(body);
    WEFT_CHECK_EQ(chdir("/"), 0);
}

void file_sim_with(const weft__sim_opts *opts, weft_call body)
{
    unsigned before = weft__verdict_now->failed_checks;
    world_open_sim_with(opts);
    WEFT_CHECK_EQ(world_run(body), 0);
    world_close();
    WEFT_CHECK_EQ(world_mem.blocks, 0);
    if (weft__verdict_now->failed_checks == before) return;
    fprintf(stderr, "  (the above in the simulator with seed %llu)\n", (unsigned long long)opts->seed);
}

void file_sim(weft_call body)
{
    static const uint64_t seeds[] = { 0, 1, 2, 77, 0x9e3779b97f4a7c15 };
    int64_t ns = JOB_MS * INT64_C(1000000);
    for (size_t i = 0; i < weft_count(seeds); i++)
        file_sim_with(&(weft__sim_opts){ .seed = seeds[i], .job_min_ns = ns, .job_max_ns = ns, .cached_percent = 50 }, body);
}

/* ---- in short ---- */

void file_is(const char *path, const char *text)
{
    weft_str is;
    if (WEFT_CHECK_EQ(weft_file_text(path, 0, &is), 0)) WEFT_CHECK_STR(is, text);
}

void file_put(const char *path, const char *text)
{
    WEFT_FILE(f);
    WEFT_NEED(weft_file_open(&f, path, .write = true, .create = true, .truncate = true) == 0);
    WEFT_CHECK_EQ(weft_file_write(f, weft_str_of(text)), 0);
    WEFT_CHECK_EQ(weft_file_close(f), 0);
}

int file_names_in(const char *path)
{
    int n = 0;
    weft_str name;
    WEFT_DIR(d);
    WEFT_NEED(weft_dir_open(&d, path) == 0);
    for (int rc; (rc = weft_dir_next(d, &name)) != 0; n++) WEFT_NEED(rc == 1);
    return n;
}
