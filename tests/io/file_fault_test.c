/* Disks that are full, broken or cut off, and memory that gives out: nothing is lost in silence, nothing leaks. */
#include "file_world.h"

/* ---- faults ---- */

FILE_TEST(a_file_is_saved_as_a_whole)
{
    weft_file_info info;
    WEFT_CHECK_EQ(weft_file_save("a", WEFT_S("first")), 0);
    file_is("a", "first");
    WEFT_CHECK_EQ(weft_file_save("a", WEFT_S("second"), .mode = 0600), 0);
    WEFT_CHECK_EQ(weft_file_save("a", WEFT_S("third, longer")), 0);
    file_is("a", "third, longer");
    WEFT_CHECK_EQ(weft_file_stat("a", &info), 0);
    WEFT_CHECK_EQ(info.mode, 0600);
    WEFT_CHECK_EQ(weft_dir_make("d"), 0);
    WEFT_CHECK_EQ(weft_file_save("d/b", WEFT_S("")), 0);
    file_is("d/b", "");
    WEFT_CHECK_EQ(weft_file_save("none/b", WEFT_S("x")), WEFT_ENOENT);
    WEFT_CHECK(file_says(WEFT_ENOENT, "cannot write none/b: "));
    WEFT_CHECK_EQ(weft_file_save("d", WEFT_S("x")), -EISDIR);
    WEFT_CHECK_EQ(file_names_in("."), 2);
    return 0;
}

/* Each step of a save fails once. */
FILE_SIM_TEST(a_save_that_fails_leaves_the_old_file_and_nothing_beside_it)
{
    static const char *const steps[] = { "open", "write", "fsync", "close", "rename" };
    WEFT_CHECK_EQ(weft_file_save("a", WEFT_S("old")), 0);
    for (size_t i = 0; i < weft_count(steps); i++) {
        int code = i % 2 ? -ENOSPC : -EIO;
        WEFT_CHECK_EQ(weft__sim_fail(world_now.os, steps[i], 1, code), 0);
        WEFT_CHECK_EQ(weft_file_save("a", WEFT_S("new")), code);
        file_is("a", "old");
        WEFT_CHECK_EQ(file_names_in("."), 1);
    }
    WEFT_CHECK_EQ(weft__sim_fail(world_now.os, "fsync_path", 1, -EIO), 0);
    WEFT_CHECK_EQ(weft_file_save("a", WEFT_S("new")), -EIO);
    WEFT_CHECK(file_says(-EIO, "perhaps not for good"));
    file_is("a", "new");
    return 0;
}

FILE_SIM_TEST(each_failure_of_the_disk_reaches_its_caller)
{
    char bytes[4];
    weft_str text, name;
    WEFT_FILE(f);
    WEFT_DIR(d);
    WEFT_TRY(weft_file_open(&f, "a", .read = true, .write = true, .create = true));
    WEFT_TRY(weft_dir_open(&d, "."));
    WEFT_TRY(weft_file_write(f, WEFT_S("1234")));
    static const char *const op[] = { "write", "fsync", "truncate", "list", "rename", "remove", "mkdir", "temp", "stat", "open" };
    for (size_t i = 0; i < weft_count(op); i++) {
        weft_file *none = NULL;
        weft_file_info info;
        WEFT_CHECK_EQ(weft__sim_fail(world_now.os, op[i], 1, -EIO), 0);
        int rc = i == 0 ? weft_file_write(f, WEFT_S("x")) : i == 1 ? weft_file_sync(f) : i == 2 ? weft_file_truncate(f, 1) :
            i == 3 ? weft_dir_next(d, &name) : i == 4 ? weft_file_rename("a", "b") : i == 5 ? weft_file_remove("a") :
            i == 6 ? weft_dir_make("d") : i == 7 ? weft_file_temp(&none, ".") : i == 8 ? weft_file_stat("a", &info) :
            weft_file_text("a", 0, &text);
        WEFT_CHECK_EQ(rc, -EIO);
        WEFT_CHECK(file_says(rc, "Input/output error"));
        WEFT_CHECK(none == NULL);
    }
    WEFT_CHECK_EQ(weft_file_position(f), 4);
    WEFT_CHECK_EQ(weft__sim_fail(world_now.os, "read", 2, -EIO), 0);
    int64_t got = weft_file_pread(f, bytes, 4, 0);
    if (got == 4) got = weft_file_pread(f, bytes, 4, 0);
    WEFT_CHECK_EQ(got, -EIO);
    WEFT_CHECK_EQ(weft__sim_fail(world_now.os, "close", 1, -EIO), 0);
    WEFT_CHECK_EQ(weft_file_close(f), -EIO);
    WEFT_CHECK(file_says(-EIO, "cannot close a: Input/output error"));
    return 0;
}

/* ---- a disk that does a part ---- */

static int on_a_small_disk(void)
{
    static char bytes[3000];
    memset(bytes, 'x', sizeof bytes);
    weft_str all = { bytes, sizeof bytes };
    WEFT_TRY(weft_file_save("a", WEFT_S("old")));
    WEFT_CHECK_EQ(weft_file_append("log", all), -ENOSPC);
    WEFT_CHECK(file_says(-ENOSPC, "of which "));
    WEFT_CHECK(file_says(-ENOSPC, " of 3000 bytes were written: No space left on device"));
    WEFT_CHECK_EQ(weft_file_save("a", all), -ENOSPC);
    WEFT_CHECK_EQ(weft_file_remove("log"), 0);
    WEFT_CHECK_EQ(weft_file_save("a", all), -ENOSPC);
    file_is("a", "old");
    WEFT_CHECK_EQ(file_names_in("."), 1);
    WEFT_CHECK_EQ(weft_file_save("a", WEFT_S("new")), 0);
    file_is("a", "new");
    WEFT_FILE(f);
    WEFT_TRY(weft_file_open(&f, "b", .write = true, .create = true));
    WEFT_CHECK_EQ(weft_file_write(f, all), -ENOSPC);
    WEFT_CHECK_EQ(weft_file_position(f), 0);
    return 0;
}

WEFT_TEST(a_full_disk_is_told_with_what_it_took__sim)
{
    for (uint64_t seed = 0; seed < 20; seed++)
        file_sim_with(&(weft__sim_opts){ .seed = seed, .disk_bytes = 2048, .file_short_percent = seed % 2 ? 50 : 0 }, weft_call(on_a_small_disk));
}

/* Short reads and writes, reads that are cached or not: all bytes, in their order. */
static int in_parts(void)
{
    enum { BYTES = 200000 };
    static char bytes[BYTES], again[BYTES];
    weft_str line, text;
    for (int i = 0; i < BYTES; i++) bytes[i] = (char)(i % 100 == 99 ? '\n' : 'a' + i / 100 % 26);
    {
        WEFT_FILE(f);
        WEFT_TRY(weft_file_open(&f, "a", .read = true, .write = true, .create = true));
        WEFT_CHECK_EQ(weft_file_write(f, (weft_str){ bytes, BYTES }), 0);
        WEFT_CHECK_EQ(weft_file_pread(f, again, BYTES, 0), BYTES);
        WEFT_CHECK(memcmp(bytes, again, BYTES) == 0);
    }
    WEFT_CHECK_EQ(weft_file_append("a", (weft_str){ bytes, 1000 }), 0);
    WEFT_CHECK_EQ(weft_file_text("a", 0, &text), 0);
    WEFT_CHECK_EQ(text.len, BYTES + 1000);
    WEFT_CHECK(memcmp(text.ptr, bytes, BYTES) == 0);
    WEFT_FILE(f);
    WEFT_TRY(weft_file_open(&f, "a"));
    for (int i = 0; weft_file_line(f, &line) == 1; i++) WEFT_CHECK(line.len == 99 && !memcmp(line.ptr, bytes + i % 2000 * 100, 99));
    WEFT_CHECK_EQ(weft_file_position(f), BYTES + 1000);
    return 0;
}

WEFT_TEST(what_a_disk_does_in_parts_is_done_whole__sim)
{
    for (uint64_t seed = 1; seed <= 10; seed++)
        file_sim_with(&(weft__sim_opts){ .seed = seed, .file_short_percent = 70, .cached_percent = 50, .job_max_ns = 1000000 }, weft_call(in_parts));
}

/* ---- power ---- */

static unsigned cut_at;
static int save_rc;

static int save_in_the_dark(void)
{
    WEFT_TRY(weft_file_save("a", WEFT_S("the old text")));
    WEFT_CHECK_EQ(weft__sim_power_cut(world_now.os, cut_at), 0);
    save_rc = weft_file_save("a", WEFT_S("the new and longer text"));
    weft__sim_crash(world_now.os);
    weft_str text;
    WEFT_CHECK_EQ(weft_file_text("a", 0, &text), 0);
    bool old = weft_str_equal(text, WEFT_S("the old text")), new = weft_str_equal(text, WEFT_S("the new and longer text"));
    WEFT_CHECK(old || new);
    WEFT_CHECK(save_rc < 0 || new);
    return 0;
}

WEFT_TEST(wherever_the_power_fails_a_saved_file_is_old_or_new_and_new_once_told__sim)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        save_rc = -1;
        for (cut_at = 1; save_rc < 0 && cut_at < 50; cut_at++)
            file_sim_with(&(weft__sim_opts){ .seed = seed, .crash_keep_percent = (unsigned)seed * 5, .file_short_percent = 30 },
                weft_call(save_in_the_dark));
        WEFT_CHECK(cut_at > 6 && cut_at < 50);       /* it was cut in each of its steps, and then in none */
    }
}

FILE_SIM_TEST(what_was_synced_survives_a_crash)
{
    weft_file *f = NULL;
    WEFT_TRY(weft_file_open(&f, "a", .write = true, .create = true));
    WEFT_CHECK_EQ(weft_file_write(f, WEFT_S("kept")), 0);
    WEFT_CHECK_EQ(weft_file_sync(f), 0);
    WEFT_CHECK_EQ(weft_dir_sync("/"), 0);
    WEFT_CHECK_EQ(weft_file_write(f, WEFT_S(" and lost")), 0);
    weft__sim_crash(world_now.os);
    WEFT_CHECK_EQ(weft_file_write(f, WEFT_S("x")), -EBADF);
    world_capture_begin();
    weft_file_free(f);
    WEFT_CHECK(strstr(world_capture_end(), "cannot close a: Bad file descriptor") != NULL);
    file_is("a", "kept");
    return 0;
}

/* ---- memory ---- */

static int with_little_memory(void)
{
    weft_str line, name;
    weft_file_info info;
    char bytes[8];
    WEFT_FILE(f);
    WEFT_DIR(d);
    WEFT_TRY(weft_file_save("a", WEFT_S("one\ntwo\n")));
    WEFT_TRY(weft_file_append("a", WEFT_S("three\n")));
    WEFT_TRY(weft_file_open(&f, "a", .read = true, .write = true));
    WEFT_TRY(weft_file_line(f, &line));
    if (weft_file_read(f, bytes, sizeof bytes) < 0) return WEFT_ENOMEM;
    WEFT_TRY(weft_file_write(f, WEFT_S("four\n")));
    WEFT_TRY(weft_file_stat("a", &info));
    WEFT_TRY(weft_dir_make("d/e", .parents = true));
    WEFT_TRY(weft_dir_open(&d, "."));
    WEFT_TRY(weft_dir_next(d, &name));
    WEFT_TRY(weft_file_text("a", 0, &line));
    return weft_file_close(f);
}

WEFT_TEST(an_allocation_that_fails_is_told_and_nothing_leaks__sim)
{
    bool failed = true;
    for (long i = 0; failed && i < 1000; i++) {
        world_open_sim(3);
        long before = world_mem.failures;
        world_mem.fail_after = i;
        int rc = world_run(weft_call(with_little_memory));
        failed = world_mem.failures > before;
        world_mem.fail_after = -1;
        WEFT_CHECK(failed || rc == 0);
        world_close();
        WEFT_CHECK_EQ(world_mem.blocks, 0);
    }
    WEFT_CHECK(!failed);
}
