/* What the simulator's disk does to programs: limits, faults, crashes. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "disk.h"
#include "support/failing.h"

static disk sim(weft__sim_opts opts)
{
    if (!opts.seed) opts.seed = 1;
    return disk_sim(&opts);
}

/* A file that is durable in all respects. */
static void put_durable(disk *d, const char *path, const char *text)
{
    int fd = disk_open(d, path, O_WRONLY | O_CREAT | O_TRUNC);
    WEFT_CHECK_EQ(disk_write(d, fd, text, 0), (int64_t)strlen(text));
    WEFT_CHECK_EQ(disk_sync(d, fd), 0);
    WEFT_CHECK_EQ(disk_close(d, fd), 0);
    WEFT_CHECK_EQ(disk_sync_path(d, "/"), 0);
}

/* ---- limits ---- */

WEFT_TEST(sim_a_full_disk_takes_what_fits_and_then_nothing)
{
    disk d = sim((weft__sim_opts){ .disk_bytes = 10 });
    int fd = disk_open(&d, "f", O_WRONLY | O_CREAT);
    WEFT_CHECK_EQ(disk_write(&d, fd, "12345678", -1), 8);
    WEFT_CHECK_EQ(disk_write(&d, fd, "abcdef", -1), 2);
    WEFT_CHECK_EQ(disk_write(&d, fd, "x", -1), -ENOSPC);
    WEFT_CHECK_EQ(disk_write(&d, fd, "y", 11), -ENOSPC);
    WEFT_CHECK_EQ(disk_write(&d, fd, "Z", 0), 1);
    WEFT_CHECK_EQ(disk_do(&d, (weft__file_op){ .kind = WEFT__FILE_TRUNCATE, .fd = fd, .offset = 11 }), -ENOSPC);
    WEFT_CHECK_STR(weft_str_of(disk_get(&d, "f")), "Z2345678ab");
    disk_close(&d, fd);
    disk_end(&d);
}

WEFT_TEST(sim_a_removed_file_takes_room_until_it_is_closed)
{
    disk d = sim((weft__sim_opts){ .disk_bytes = 4 });
    disk_put(&d, "f", "1234");
    int fd = disk_open(&d, "f", O_RDONLY);
    WEFT_CHECK_EQ(disk_remove(&d, "f"), 0);
    WEFT_CHECK_EQ(disk_put(&d, "g", "x"), -ENOSPC);
    disk_close(&d, fd);
    WEFT_CHECK_EQ(weft__sim_disk_used(d.os), 0);
    WEFT_CHECK_EQ(disk_put(&d, "g", "x"), 1);
    disk_end(&d);
}

/* What a crash would bring back takes no room of those that live, and no memory without end. */
WEFT_TEST(sim_files_that_come_and_go_never_fill_the_disk)
{
    disk d = sim((weft__sim_opts){ .disk_bytes = 100 });
    put_durable(&d, "f", "12345678901234567890");
    for (int i = 0; i < 100000; i++) {
        WEFT_CHECK_EQ(disk_put(&d, "g", "1234567890"), 10);
        WEFT_CHECK_EQ(disk_remove(&d, i % 1000 ? "g" : "f"), i % 1000 || !i ? 0 : -ENOENT);
    }
    weft__sim_crash(d.os);
    WEFT_CHECK_STR(weft_str_of(disk_names(&d, ".")), "");
    disk_end(&d);
}

WEFT_TEST(sim_descriptors_of_files_run_out_at_4096)
{
    static int fds[4096];
    disk d = sim((weft__sim_opts){ 0 });
    for (int i = 0; i < 4096; i++) WEFT_NEED((fds[i] = disk_open(&d, "f", O_WRONLY | O_CREAT)) >= 0);
    WEFT_CHECK_EQ(disk_open(&d, "f", O_RDONLY), -EMFILE);
    WEFT_CHECK_EQ(disk_close(&d, fds[7]), 0);
    int fd = disk_open(&d, "f", O_RDONLY);
    WEFT_CHECK(fd >= 0 && fd != fds[7]);
    WEFT_CHECK_EQ(disk_close(&d, fds[7]), -EBADF);
    fds[7] = fd;
    for (int i = 0; i < 4096; i++) disk_close(&d, fds[i]);
    disk_end(&d);
}

WEFT_TEST(sim_files_run_out_at_65536)
{
    char name[32];
    disk d = sim((weft__sim_opts){ 0 });
    int64_t rc = 0;
    int made = 0;
    for (int i = 0; i < 64 && !rc; i++) {
        snprintf(name, sizeof name, "d%d", i);
        rc = disk_mkdir(&d, name);
        made += !rc;
        for (int k = 0; k < 1100 && !rc; k++) {
            snprintf(name, sizeof name, "d%d/%d", i, k);
            rc = disk_put(&d, name, "");
            made += !rc;
        }
    }
    WEFT_CHECK_EQ(rc, -ENOSPC);
    WEFT_CHECK_EQ(made, 65536);
    disk_end(&d);
}

WEFT_TEST(sim_flags_that_are_not_simulated_are_refused)
{
    disk d = sim((weft__sim_opts){ 0 });
    WEFT_CHECK_EQ(disk_open(&d, "f", O_WRONLY | O_CREAT | O_ASYNC), WEFT_EINVAL);
    WEFT_CHECK_EQ(disk_open(&d, "f", O_ACCMODE | O_CREAT), WEFT_EINVAL);
    WEFT_CHECK_STR(weft_str_of(disk_names(&d, "/")), "");
    disk_end(&d);
}

WEFT_TEST(sim_the_order_of_a_listing_is_the_seeds)
{
    char first[2][WEFT__FILE_LIST_MIN];
    for (int i = 0; i < 2; i++) {
        disk d = sim((weft__sim_opts){ .seed = (uint64_t)i + 1 });
        struct iovec v = { first[i], sizeof first[i] };
        static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
        for (int k = 0; k < 8; k++) disk_put(&d, names[k], "");
        int fd = disk_open(&d, "/", O_RDONLY);
        WEFT_CHECK_EQ(disk_do(&d, (weft__file_op){ .kind = WEFT__FILE_LIST, .fd = fd, .iov = &v }), 16);
        disk_close(&d, fd);
        disk_end(&d);
    }
    WEFT_CHECK(memcmp(first[0], first[1], 16) != 0);
}

/* ---- faults ---- */

WEFT_TEST(sim_each_file_operation_can_be_made_to_fail_and_changes_nothing)
{
    static const struct { const char *name; weft__file_kind kind; } ops[] = {
        { "open", WEFT__FILE_OPEN }, { "read", WEFT__FILE_READ }, { "write", WEFT__FILE_WRITE },
        { "fsync", WEFT__FILE_SYNC }, { "truncate", WEFT__FILE_TRUNCATE }, { "stat", WEFT__FILE_STAT },
        { "rename", WEFT__FILE_RENAME }, { "remove", WEFT__FILE_REMOVE }, { "mkdir", WEFT__FILE_MKDIR },
        { "list", WEFT__FILE_LIST }, { "temp", WEFT__FILE_TEMP }, { "fsync_path", WEFT__FILE_SYNC_PATH },
    };
    disk d = sim((weft__sim_opts){ 0 });
    char bytes[WEFT__FILE_LIST_MIN];
    struct iovec v = { bytes, sizeof bytes };
    struct stat st;
    disk_put(&d, "f", "text");
    int fd = disk_open(&d, "f", O_RDWR), dir = disk_open(&d, "/", O_RDONLY);
    for (size_t i = 0; i < weft_count(ops); i++) {
        WEFT_CHECK_EQ(weft__sim_fail(d.os, ops[i].name, 1, -EIO), 0);
        weft__file_op op = { .kind = ops[i].kind, .fd = ops[i].kind == WEFT__FILE_LIST ? dir : fd, .path = "f", .to = "g",
            .iov = &v, .iov_count = 1, .stat = &st, .flags = O_WRONLY | O_TRUNC };
        if (op.kind == WEFT__FILE_MKDIR) op.path = "new";
        if (op.kind == WEFT__FILE_TEMP || op.kind == WEFT__FILE_SYNC_PATH) op.path = "/";
        WEFT_CHECK_EQ(disk_do(&d, op), -EIO);
        WEFT_CHECK_STR(weft_str_of(disk_names(&d, "/")), "f ");
        WEFT_CHECK_STR(weft_str_of(disk_get(&d, "f")), "text");
    }
    WEFT_CHECK_EQ(weft__sim_fail(d.os, "close", 2, -EIO), 0);
    WEFT_CHECK_EQ(disk_close(&d, fd), 0);
    WEFT_CHECK_EQ(disk_close(&d, dir), -EIO);
    WEFT_CHECK_EQ(disk_close(&d, dir), -EBADF);
    disk_end(&d);
}

WEFT_TEST(sim_short_reads_and_writes_move_at_least_one_byte)
{
    disk d = sim((weft__sim_opts){ .file_short_percent = 100 });
    char text[100], bytes[100];
    int short_writes = 0;
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)('a' + i % 26);
    text[99] = 0;
    int fd = disk_open(&d, "f", O_RDWR | O_CREAT);
    for (int64_t at = 0, n; at < 99; at += n, short_writes++)
        WEFT_NEED((n = disk_write(&d, fd, text + at, at)) > 0 && (n < 99 - at || n == 1));
    for (int64_t at = 0, n; at < 99; at += n)
        WEFT_NEED((n = disk_read(&d, fd, bytes + at, (size_t)(99 - at), at)) > 0 && (n < 99 - at || n == 1));
    WEFT_CHECK(!memcmp(bytes, text, 99));
    WEFT_CHECK(short_writes > 2);
    disk_close(&d, fd);
    disk_end(&d);
}

WEFT_TEST(sim_a_read_at_once_finds_bytes_as_often_as_was_said)
{
    for (unsigned percent = 0; percent <= 100; percent += 50) {
        disk d = sim((weft__sim_opts){ .cached_percent = percent });
        char bytes[4];
        struct iovec v = { bytes, 4 };
        int found = 0;
        disk_put(&d, "f", "text");
        int fd = disk_open(&d, "f", O_RDONLY);
        weft__file_op op = { .kind = WEFT__FILE_READ, .fd = fd, .iov = &v, .iov_count = 1, .at_once = true };
        for (int i = 0; i < 100; i++) {
            int64_t n = disk_do(&d, op);
            WEFT_CHECK(n == 4 || n == -EAGAIN);
            found += n == 4;
        }
        WEFT_CHECK(percent == 50 ? found > 20 && found < 80 : found == (int)percent);
        disk_close(&d, fd);
        disk_end(&d);
    }
}

WEFT_TEST(sim_the_wall_clock_jumps_when_it_was_told_to_and_by_chance)
{
    weft__event e[2];
    disk d = sim((weft__sim_opts){ .wall_us = 5000000000000 });
    WEFT_CHECK_EQ(weft__sim_jump_wall(d.os, 1000000000, -3600 * (int64_t)1000000), 0);
    WEFT_CHECK_EQ(d.os->ops->wait(d.os, e, 2, 2000000000), 0);
    WEFT_CHECK_EQ(d.os->ops->wall_us(d.os), 5000000000000 - 3598 * (int64_t)1000000);
    WEFT_CHECK_EQ(d.os->ops->now_ns(d.os), 3000000000);
    disk_end(&d);

    d = sim((weft__sim_opts){ .wall_jump_permille = 500 });
    int jumps = 0;
    for (int i = 0; i < 100; i++) {
        int64_t wall = d.os->ops->wall_us(d.os), now = d.os->ops->now_ns(d.os);
        WEFT_CHECK_EQ(d.os->ops->wait(d.os, e, 2, 1000000), 0);
        WEFT_CHECK_EQ(d.os->ops->now_ns(d.os), now + 1000000);
        jumps += d.os->ops->wall_us(d.os) != wall + 1000;
    }
    WEFT_CHECK(jumps > 20 && jumps < 80);
    disk_end(&d);
}

/* ---- crashes ---- */

WEFT_TEST(sim_a_crash_loses_bytes_that_were_not_synced)
{
    disk d = sim((weft__sim_opts){ 0 });
    put_durable(&d, "f", "durable");
    int fd = disk_open(&d, "f", O_RDWR);
    disk_write(&d, fd, "DUR", 0);
    disk_write(&d, fd, " and more", 7);
    weft__sim_crash(d.os);
    WEFT_CHECK_STR(weft_str_of(disk_get(&d, "f")), "durable");
    WEFT_CHECK_EQ(weft__sim_disk_used(d.os), 7);
    fd = disk_open(&d, "f", O_RDWR);
    disk_do(&d, (weft__file_op){ .kind = WEFT__FILE_TRUNCATE, .fd = fd, .offset = 2 });
    weft__sim_crash(d.os);
    WEFT_CHECK_STR(weft_str_of(disk_get(&d, "f")), "durable");
    disk_end(&d);
}

WEFT_TEST(sim_a_crash_closes_the_descriptors_of_files)
{
    disk d = sim((weft__sim_opts){ 0 });
    int fd = disk_open(&d, "f", O_RDWR | O_CREAT);
    weft__sim_crash(d.os);
    WEFT_CHECK_EQ(disk_write(&d, fd, "x", 0), -EBADF);
    WEFT_CHECK_EQ(weft__sim_open_fds(d.os), 0);
    WEFT_CHECK_EQ(weft__sim_disk_used(d.os), 0);
    disk_end(&d);
}

WEFT_TEST(sim_a_crash_loses_a_new_file_whose_directory_was_not_synced)
{
    disk d = sim((weft__sim_opts){ 0 });
    int fd = disk_open(&d, "f", O_RDWR | O_CREAT);
    disk_write(&d, fd, "x", 0);
    WEFT_CHECK_EQ(disk_sync(&d, fd), 0);
    weft__sim_crash(d.os);
    WEFT_CHECK_STR(weft_str_of(disk_names(&d, "/")), "");
    /* And of one whose directory alone was synced the bytes. */
    WEFT_CHECK_EQ(disk_put(&d, "g", "text"), 4);
    WEFT_CHECK_EQ(disk_sync_path(&d, "/"), 0);
    weft__sim_crash(d.os);
    WEFT_CHECK_STR(weft_str_of(disk_get(&d, "g")), "");
    disk_end(&d);
}

WEFT_TEST(sim_a_crash_undoes_renames_and_removals_whose_directory_was_not_synced)
{
    disk d = sim((weft__sim_opts){ 0 });
    put_durable(&d, "a", "1");
    put_durable(&d, "b", "2");
    put_durable(&d, "c", "3");
    WEFT_CHECK_EQ(disk_rename(&d, "a", "b"), 0);
    WEFT_CHECK_EQ(disk_remove(&d, "c"), 0);
    WEFT_CHECK_EQ(disk_mkdir(&d, "e"), 0);
    weft__sim_crash(d.os);
    WEFT_CHECK_STR(weft_str_of(disk_names(&d, ".")), "a b c ");
    WEFT_CHECK_STR(weft_str_of(disk_get(&d, "a")), "1");
    WEFT_CHECK_STR(weft_str_of(disk_get(&d, "b")), "2");
    WEFT_CHECK_EQ(disk_rename(&d, "a", "b"), 0);
    WEFT_CHECK_EQ(disk_remove(&d, "c"), 0);
    WEFT_CHECK_EQ(disk_mkdir(&d, "e"), 0);
    WEFT_CHECK_EQ(disk_sync_path(&d, "."), 0);
    weft__sim_crash(d.os);
    WEFT_CHECK_STR(weft_str_of(disk_names(&d, ".")), "b e ");
    WEFT_CHECK_STR(weft_str_of(disk_get(&d, "b")), "1");
    disk_end(&d);
}

WEFT_TEST(sim_a_rename_between_directories_is_never_cut_in_half)
{
    for (int which = 0; which < 3; which++) {
        disk d = sim((weft__sim_opts){ 0 });
        disk_mkdir(&d, "a");
        disk_mkdir(&d, "b");
        disk_put(&d, "a/f", "");
        disk_sync_path(&d, "/");
        disk_sync_path(&d, "a");
        WEFT_CHECK_EQ(disk_rename(&d, "a/f", "b/g"), 0);
        if (which) WEFT_CHECK_EQ(disk_sync_path(&d, which == 1 ? "a" : "b"), 0);
        weft__sim_crash(d.os);
        WEFT_CHECK_STR(weft_str_of(disk_names(&d, "a")), which ? "" : "f ");
        WEFT_CHECK_STR(weft_str_of(disk_names(&d, "b")), which ? "g " : "");
        disk_end(&d);
    }
}

/* The sync of one directory carries a rename out of the other, and so all that came before it there. */
WEFT_TEST(sim_no_directory_shows_a_later_change_without_an_earlier_one)
{
    disk d = sim((weft__sim_opts){ 0 });
    disk_mkdir(&d, "a");
    disk_mkdir(&d, "b");
    disk_put(&d, "a/f", "");
    disk_sync_path(&d, "/");
    disk_sync_path(&d, "a");
    disk_put(&d, "a/earlier", "");
    disk_rename(&d, "a/f", "b/g");
    disk_put(&d, "a/later", "");
    WEFT_CHECK_EQ(disk_sync_path(&d, "b"), 0);
    weft__sim_crash(d.os);
    WEFT_CHECK_STR(weft_str_of(disk_names(&d, "a")), "earlier ");
    WEFT_CHECK_STR(weft_str_of(disk_names(&d, "b")), "g ");
    disk_end(&d);
}

/* Also of what survives by luck. */
WEFT_TEST(sim_a_crash_keeps_the_first_changes_of_a_directory_or_none)
{
    static const char *const kept[] = { "", "a ", "a b ", "a b c " };
    int seen[4] = { 0 };
    for (uint64_t seed = 1; seed <= 100; seed++) {
        disk d = sim((weft__sim_opts){ .seed = seed, .crash_keep_percent = 60 });
        disk_put(&d, "a", "");
        disk_put(&d, "b", "");
        disk_put(&d, "c", "");
        weft__sim_crash(d.os);
        const char *names = disk_names(&d, ".");
        int i = 0;
        while (i < 4 && strcmp(names, kept[i])) i++;
        WEFT_NEED(i < 4);
        seen[i]++;
        disk_end(&d);
    }
    for (int i = 0; i < 4; i++) WEFT_CHECK(seen[i] > 0);
}

WEFT_TEST(sim_what_lies_in_a_lost_directory_is_lost)
{
    disk d = sim((weft__sim_opts){ 0 });
    disk_mkdir(&d, "a");
    disk_mkdir(&d, "a/b");
    put_durable(&d, "x", "");
    weft__sim_crash(d.os);
    WEFT_CHECK_STR(weft_str_of(disk_names(&d, "a")), "");
    disk_mkdir(&d, "a/b");
    disk_mkdir(&d, "c");
    WEFT_CHECK_EQ(disk_put(&d, "c/f", "text"), 4);
    WEFT_CHECK_EQ(disk_sync_path(&d, "c"), 0);
    WEFT_CHECK_EQ(disk_sync_path(&d, "a"), 0);
    weft__sim_crash(d.os);
    WEFT_CHECK_STR(weft_str_of(disk_names(&d, ".")), "a x ");
    WEFT_CHECK_STR(weft_str_of(disk_names(&d, "a")), "b ");
    WEFT_CHECK_EQ(weft__sim_disk_used(d.os), 0);
    disk_end(&d);
}

/* The kernel marks pages clean that it could not write: the next fsync says nothing of them. */
WEFT_TEST(sim_after_a_failed_fsync_a_successful_one_does_not_save_what_was_written_before)
{
    disk d = sim((weft__sim_opts){ 0 });
    put_durable(&d, "f", "....");
    int fd = disk_open(&d, "f", O_RDWR);
    disk_write(&d, fd, "ab", 0);
    WEFT_CHECK_EQ(weft__sim_fail(d.os, "fsync", 1, -EIO), 0);
    WEFT_CHECK_EQ(disk_sync(&d, fd), -EIO);
    disk_write(&d, fd, "cd", 2);
    WEFT_CHECK_EQ(disk_sync(&d, fd), 0);
    WEFT_CHECK_STR(weft_str_of(disk_get(&d, "f")), "abcd");
    weft__sim_crash(d.os);
    WEFT_CHECK_STR(weft_str_of(disk_get(&d, "f")), "..cd");
    disk_end(&d);
}

WEFT_TEST(sim_what_is_written_with_O_DSYNC_needs_no_fsync)
{
    disk d = sim((weft__sim_opts){ 0 });
    put_durable(&d, "f", "");
    int fd = disk_open(&d, "f", O_WRONLY | O_APPEND | O_DSYNC);
    WEFT_CHECK_EQ(disk_write(&d, fd, "text", -1), 4);
    weft__sim_crash(d.os);
    WEFT_CHECK_STR(weft_str_of(disk_get(&d, "f")), "text");
    disk_end(&d);
}

/* How a program replaces a file. `careful` syncs what has to be. Stops at the first failure, as the power goes. */
static void replace(disk *d, const char *text, bool careful)
{
    int fd = disk_open(d, "f.new", O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0) return;
    bool ok = disk_write(d, fd, text, 0) == (int64_t)strlen(text) && (!careful || disk_sync(d, fd) == 0);
    ok = disk_close(d, fd) == 0 && ok;
    if (ok && disk_rename(d, "f.new", "f") == 0) disk_sync_path(d, "/");
}

/* Returns in how many of the worlds the file was neither the old nor the new one. */
static int broken_replacements(bool careful)
{
    char text[10000], old[10000];
    int broken = 0;
    memset(text, 'n', sizeof text - 1);
    text[sizeof text - 1] = 0;
    memset(old, 'o', sizeof old - 1);
    old[sizeof old - 1] = 0;
    for (unsigned seed = 1; seed <= 20; seed++)
        for (unsigned cut = 1; cut <= 7; cut++) {
            disk d = sim((weft__sim_opts){ .seed = seed, .crash_keep_percent = seed % 3 * 40 });
            put_durable(&d, "f", old);
            WEFT_CHECK_EQ(weft__sim_power_cut(d.os, cut), 0);
            replace(&d, text, careful);
            weft__sim_crash(d.os);
            const char *now = disk_get(&d, "f");
            broken += !now || (strcmp(now, old) && strcmp(now, text));
            disk_end(&d);
        }
    return broken;
}

WEFT_TEST(sim_a_careful_replacement_survives_each_power_cut_and_a_careless_one_does_not)
{
    WEFT_CHECK_EQ(broken_replacements(true), 0);
    WEFT_CHECK(broken_replacements(false) > 0);
}

WEFT_TEST(sim_without_power_everything_fails_until_the_machine_starts_again)
{
    disk d = sim((weft__sim_opts){ 0 });
    int fd = disk_open(&d, "f", O_RDWR | O_CREAT);
    WEFT_CHECK_EQ(weft__sim_power_cut(d.os, 0), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft__sim_power_cut(d.os, 2), 0);
    WEFT_CHECK_EQ(disk_write(&d, fd, "x", 0), 1);
    WEFT_CHECK_EQ(disk_write(&d, fd, "y", 1), -EIO);
    WEFT_CHECK_EQ(disk_sync(&d, fd), -EIO);
    WEFT_CHECK_EQ(disk_close(&d, fd), -EIO);
    WEFT_CHECK_EQ(weft__sim_open_fds(d.os), 0);
    weft__sim_crash(d.os);
    WEFT_CHECK_EQ(disk_put(&d, "f", "z"), 1);
    disk_end(&d);
}

/* ---- anything, in any order ---- */

static unsigned draw(uint64_t *r, unsigned n)
{
    *r = *r * 6364136223846793005 + 1442695040888963407;
    return (unsigned)(*r >> 33) % n;
}

/* The bytes of all files; each name can be looked at. */
static int64_t sum(disk *d, const char *dir, int depth)
{
    WEFT_NEED(depth < 8);
    char inner[200], names[256];
    const char *all = disk_names(d, dir);
    int64_t bytes = 0;
    WEFT_NEED(all != NULL && strlen(all) < sizeof names);
    strcpy(names, all);
    for (char *at = names, *name; (name = strsep(&at, " ")) && *name;) {
        WEFT_NEED(snprintf(inner, sizeof inner, "%s/%s", dir, name) < (int)sizeof inner);
        const char *text = disk_get(d, inner);
        bytes += text ? disk_size(d, inner) : sum(d, inner, depth + 1);
    }
    return bytes;
}

static uint64_t chaos(uint64_t seed, unsigned keep)
{
    static const char *const names[] = { "a", "b", "a/a", "a/b", "b/a", "b/b", "a/a/a", "b/a/b", "c" };
    enum { NAMES = sizeof names / sizeof *names };
    disk d = sim((weft__sim_opts){ .seed = seed, .crash_keep_percent = keep, .disk_bytes = 20000, .file_short_percent = 20 });
    uint64_t r = seed;
    int fds[4] = { 0 };
    for (int i = 0; i < 400; i++) {
        const char *one = names[draw(&r, NAMES)], *two = names[draw(&r, NAMES)];
        int *fd = &fds[draw(&r, 4)];
        switch (draw(&r, 12)) {
        case 0: disk_mkdir(&d, one); break;
        case 1: disk_rename(&d, one, two); break;
        case 2: disk_remove(&d, one); break;
        case 3: disk_sync_path(&d, one); break;
        case 4: disk_sync_path(&d, "."); break;
        case 5: disk_close(&d, *fd); *fd = disk_open(&d, one, O_RDWR | O_CREAT); break;
        case 6: disk_sync(&d, *fd); break;
        case 7: disk_do(&d, (weft__file_op){ .kind = WEFT__FILE_TRUNCATE, .fd = *fd, .offset = draw(&r, 9000) }); break;
        case 8: weft__sim_fail(d.os, "fsync", 1, -EIO); break;
        case 9:
            if (draw(&r, 4)) break;
            weft__sim_crash(d.os);
            WEFT_CHECK_EQ(weft__sim_disk_used(d.os), sum(&d, ".", 0));
            break;
        default: disk_write(&d, *fd, "some text that is written", draw(&r, 9000));
        }
    }
    for (int i = 0; i < 4; i++) disk_close(&d, fds[i]);
    WEFT_CHECK_EQ(weft__sim_disk_used(d.os), sum(&d, ".", 0));
    weft__sim_crash(d.os);
    weft__sim_crash(d.os);
    WEFT_CHECK_EQ(weft__sim_disk_used(d.os), sum(&d, ".", 0));
    uint64_t trace = weft__sim_trace(d.os);
    disk_end(&d);
    return trace;
}

WEFT_TEST(sim_a_disk_is_whole_after_any_crash_and_the_same_for_the_same_seed)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        unsigned keep = (unsigned)(seed % 4) * 33;
        WEFT_CHECK_EQ(chaos(seed, keep), chaos(seed, keep));
    }
    WEFT_CHECK(chaos(1, 0) != chaos(2, 0));
}

/* What fails for want of memory has changed nothing, and a crash needs none. */
WEFT_TEST(sim_the_disk_survives_the_failure_of_each_allocation)
{
    FAIL_EACH_IN_TURN(i) {
        weft__sim_opts opts = { .seed = 1 };
        weft__os *os = weft__sim_new(&opts);
        if (!os) continue;
        disk d = { .os = os };
        int64_t rc = disk_mkdir(&d, "d");
        int fd = disk_open(&d, "d/f", O_RDWR | O_CREAT);
        if (fd >= 0) WEFT_CHECK(disk_write(&d, fd, "text", 0) == 4 || fails.failed);
        if (fd >= 0) WEFT_CHECK(disk_sync(&d, fd) == 0 || fails.failed);
        if (fd >= 0 && disk_rename(&d, "d/f", "g") < 0) {
            WEFT_CHECK(fails.failed);
            WEFT_CHECK_EQ(disk_size(&d, "g"), -ENOENT);
            WEFT_CHECK(disk_size(&d, "d/f") >= 0);
        }
        if (rc == 0 && disk_sync_path(&d, "/") == 0) weft__sim_crash(os);
        disk_remove(&d, "g");
        disk_remove(&d, "d/f");
        disk_remove(&d, "d");
        if (fd >= 0) disk_close(&d, fd);
        os->ops->free(os);
    }
}
