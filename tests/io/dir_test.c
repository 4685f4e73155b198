/* Names: making, listing, moving and removing them. */
#include "file_world.h"

FILE_TEST(directories_are_made_listed_and_removed)
{
    weft_file_info info;
    WEFT_CHECK_EQ(weft_dir_make("d"), 0);
    WEFT_CHECK_EQ(weft_dir_make("d"), -EEXIST);
    WEFT_CHECK(file_says(-EEXIST, "cannot make directory d: File exists"));
    WEFT_CHECK_EQ(weft_dir_make("d/e/f", .mode = 0700), WEFT_ENOENT);
    WEFT_CHECK_EQ(weft_dir_make("d/e/f", .mode = 0700, .parents = true), 0);
    WEFT_CHECK_EQ(weft_dir_make("d/e/f", .parents = true), 0);
    WEFT_CHECK_EQ(weft_file_stat("d/e/f", &info), 0);
    WEFT_CHECK(info.is_dir && !info.is_file && info.mode == 0700);
    WEFT_CHECK_EQ(weft_file_remove("d/e"), -ENOTEMPTY);
    WEFT_CHECK_EQ(weft_file_remove("d/e/f"), 0);
    WEFT_CHECK_EQ(file_names_in("d/e"), 0);
    file_put("d/file", "x");
    WEFT_CHECK_EQ(weft_dir_make("d/file/g", .parents = true), -ENOTDIR);
    WEFT_CHECK_EQ(weft_file_rename("d/file", "d/other"), 0);
    WEFT_CHECK_EQ(weft_dir_sync("d"), 0);
    file_is("d/other", "x");
    WEFT_CHECK_EQ(file_names_in("d"), 2);
    return 0;
}

FILE_TEST(a_large_directory_is_listed_whole)
{
    enum { NAMES = 600 };
    char name[64], seen[NAMES] = { 0 };
    weft_str found;
    int n = 0, at;
    WEFT_TRY(weft_dir_make("d"));
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "d/a name of some length %04d", i);
        WEFT_TRY(weft_file_append(name, WEFT_S("")));
    }
    WEFT_DIR(d);
    WEFT_TRY(weft_dir_open(&d, "d"));
    for (; weft_dir_next(d, &found) == 1; n++) {
        WEFT_NEED(sscanf(found.ptr, "a name of some length %d", &at) == 1 && at >= 0 && at < NAMES && !seen[at]);
        WEFT_CHECK_EQ(found.len, strlen(found.ptr));
        seen[at] = 1;
    }
    WEFT_CHECK_EQ(n, NAMES);
    WEFT_CHECK_EQ(weft_dir_next(d, &found), 0);
    return 0;
}

static int list_one(weft_dir *const *d, int *rc)
{
    weft_str name = WEFT_S("");
    *rc = weft_dir_next(*d, &name);
    WEFT_CHECK(file_says(*rc, *rc == WEFT_EBUSY ? "moves its position, and one at a time may" : "cannot list d: used after it was closed"));
    WEFT_CHECK_STR(name, "");
    return 0;
}

FILE_SIM_TEST(b47_who_lists_a_directory_that_is_freed_is_told)
{
    weft_dir *d = NULL;
    int listed = 1, refused = 1;
    WEFT_TRY(weft_dir_make("d"));
    file_put("d/file", "x");
    WEFT_TRY(weft_dir_open(&d, "d"));
    WEFT_SCOPE(s);
    weft_spawn(s, list_one, &d, &listed);
    weft_spawn(s, list_one, &d, &refused);           /* b46: one at a time */
    WEFT_TRY(weft_sleep_ms(JOB_MS / 4));
    weft_dir_free(d);
    WEFT_TRY(weft_join(s));
    WEFT_CHECK_EQ(listed + refused, WEFT_ECLOSED + WEFT_EBUSY);
    WEFT_CHECK_EQ(weft__sim_open_fds(world_now.os), 0);
    return 0;
}

FILE_TEST(modes_and_options_that_make_no_sense_are_refused)
{
    WEFT_CHECK_EQ(weft_dir_make("d", .mode = -1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_dir_make("d", .mode = 010000), WEFT_EINVAL);
    WEFT_CHECK(file_says(WEFT_EINVAL, "weft_dir_make: .mode is not in 0 to 07777"));
    WEFT_CHECK_EQ(weft_file_save("d/a", WEFT_S("x"), .parents = true), WEFT_EINVAL);
    WEFT_CHECK(file_says(WEFT_EINVAL, "weft_file_save: .parents"));
    WEFT_CHECK_EQ(file_names_in("."), 0);
    return 0;
}

FILE_TEST(what_is_no_directory_is_not_listed)
{
    WEFT_DIR(d);
    file_put("a", "x");
    WEFT_CHECK_EQ(weft_dir_open(&d, "a"), -ENOTDIR);
    WEFT_CHECK(file_says(-ENOTDIR, "cannot list a: Not a directory"));
    WEFT_CHECK_EQ(weft_dir_open(&d, "none"), WEFT_ENOENT);
    WEFT_CHECK_EQ(weft_dir_open(&d, NULL), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_file_rename("a", ""), WEFT_EINVAL);
    return 0;
}

FILE_TEST(a_temporary_file_has_no_name)
{
    char bytes[4];
    WEFT_FILE(f);
    WEFT_TRY(weft_file_temp(&f, "."));
    WEFT_CHECK_EQ(weft_file_write(f, WEFT_S("temp")), 0);
    WEFT_CHECK_EQ(weft_file_pread(f, bytes, 4, 0), 4);
    WEFT_CHECK(memcmp(bytes, "temp", 4) == 0);
    WEFT_CHECK_EQ(file_names_in("."), 0);
    WEFT_FILE(none);
    WEFT_CHECK_EQ(weft_file_temp(&none, "nowhere"), WEFT_ENOENT);
    return 0;
}
