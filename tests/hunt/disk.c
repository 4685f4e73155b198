/* Files and a power that fails: savers replace files by newer versions, a log takes lines and syncs them, readers look on.
 * Then the power is cut at some operation, and the disk starts again. A save that was told is there, one that was not is
 * there as a whole or not at all; the log has all that was synced; readers never see a part of a version. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hunt.h"
#include "weft/file.h"

enum { FILES = 3, SAVES = 6, LINES = 20, READS = 8, CRASHES = 3, TEXT_MAX = 6000 };

static struct {
    int begun[FILES], told[FILES];       /* versions: the newest that was tried, the newest said to be saved */
    int lines_begun, lines_told;
    bool dark;
} disk;

/* ---- versions: "V" and so many x ---- */

static int length_of(int version) { return version * 97 % TEXT_MAX; }

static weft_str text_of(int version)
{
    char *text = weft_alloc(TEXT_MAX + 32);
    WEFT_NEED(text != NULL);
    int n = snprintf(text, 32, "%d\n", version), more = length_of(version);
    memset(text + n, 'x', (size_t)more);
    return (weft_str){ text, (size_t)(n + more) };
}

/* The version that a whole file says it is; -1 when it is no whole version. */
static int version_of(weft_str text)
{
    int version = atoi(text.ptr);
    return weft_str_equal(text, text_of(version)) ? version : -1;
}

static const char *name_of(int file)
{
    static const char *const names[FILES] = { "state-a", "state-b", "sub/state-c" };
    return names[file];
}

/* ---- those who write ---- */

static bool power_failed(int rc) { return rc == -EIO && disk.dark; }

static int save_once(int file)
{
    WEFT_TEMP;
    WEFT_SCOPE(patience, .timeout_ms = patience_ms(20));
    int version = ++disk.begun[file];
    int rc = weft_file_save(name_of(file), text_of(version));
    if (rc == 0) disk.told[file] = version;
    return unless_caught(patience, rc);
}

static int saver(const int *file)
{
    for (int i = 0; i < SAVES; i++) {
        WEFT_TRY(pause_somehow());
        int rc = save_once(*file);
        if (power_failed(rc)) return 0;
        WEFT_TRY(rc);
    }
    return 0;
}

static int log_line(weft_file *f)
{
    WEFT_TEMP;
    WEFT_TRY(weft_file_write(f, weft_format("line %d\n", ++disk.lines_begun)));
    if (chance(50)) return 0;
    int upto = disk.lines_begun;
    WEFT_TRY(weft_file_sync(f));
    disk.lines_told = upto;
    return 0;
}

static int logger(void)
{
    int rc = 0;
    WEFT_FILE(f);
    rc = weft_file_open(&f, "log", .write = true, .append = true, .create = true);
    if (rc == 0) rc = weft_dir_sync(".");
    for (int i = 0; i < LINES && rc == 0; i++) {
        rc = pause_somehow();
        if (rc == 0) rc = log_line(f);
    }
    if (!f) return power_failed(rc) ? 0 : rc;
    WEFT_SCOPE(ends, .shield = true);
    int closed = weft_file_close(f);
    if (rc == 0) rc = closed;
    return power_failed(rc) ? 0 : rc;
}

/* ---- those who read ---- */

static int reader(const int *file)
{
    for (int i = 0; i < READS; i++) {
        WEFT_TEMP;
        weft_str text;
        int least = disk.told[*file];
        int rc = weft_file_text(name_of(*file), 0, &text);
        if (power_failed(rc)) return 0;
        if (rc == WEFT_ENOENT) WEFT_CHECK_EQ(least, 0);
        else WEFT_TRY(rc);
        if (rc == 0) {
            int version = version_of(text);
            WEFT_CHECK(version >= least && version <= disk.begun[*file]);
        }
        WEFT_TRY(pause_somehow());
    }
    return 0;
}

/* ---- from one crash to the next ---- */

static int use_the_disk(void)
{
    static const int file[FILES] = { 0, 1, 2 };
    weft_task *savers[FILES];
    WEFT_SCOPE(helpers);
    WEFT_SCOPE(s);
    for (int i = 0; i < FILES; i++) savers[i] = weft_spawn(s, saver, &file[i]);
    for (int i = 0; i < FILES; i++) weft_spawn(s, reader, &file[i]);
    weft_spawn(s, logger);
    if (chance(50)) weft_spawn(helpers, cancel_some, (&(victims){ savers, FILES, 2, 30 }));
    WEFT_TRY(weft_join(s));
    return weft_join(helpers);
}

static int expect_files(void)
{
    for (int i = 0; i < FILES; i++) {
        WEFT_TEMP;
        weft_str text;
        int rc = weft_file_text(name_of(i), 0, &text);
        int version = rc == WEFT_ENOENT ? 0 : rc == 0 ? version_of(text) : rc;
        if (version < disk.told[i] || version > disk.begun[i])
            weft__check_fail(__FILE__, __LINE__, "%s is version %d after the crash, %d was saved, %d begun", name_of(i), version,
                disk.told[i], disk.begun[i]);
        disk.told[i] = disk.begun[i] = version;
    }
    return 0;
}

static int expect_log(void)
{
    WEFT_TEMP;
    weft_str line;
    int n = 0, rc;
    WEFT_FILE(f);
    rc = weft_file_open(&f, "log");
    while (rc == 0 && (rc = weft_file_line(f, &line)) == 1) {
        if (n >= disk.lines_told || !weft_str_equal(line, weft_format("line %d", n + 1))) break;
        n++;
        rc = 0;
    }
    WEFT_CHECK(n >= disk.lines_told);
    disk.lines_begun = disk.lines_told = 0;
    rc = f ? weft_file_remove("log") : 0;
    return rc < 0 ? rc : weft_dir_sync(".");
}

static int years(void)
{
    memset(&disk, 0, sizeof disk);
    WEFT_TRY(weft_dir_make("sub"));
    WEFT_TRY(weft_dir_sync("."));
    for (int i = 0; i < CRASHES; i++) {
        disk.dark = true;
        WEFT_TRY(weft__sim_power_cut(world_now.os, 1 + roll(chance(50) ? 100 : 700)));
        WEFT_TRY(use_the_disk());
        weft__sim_crash(world_now.os);
        disk.dark = false;
        WEFT_TRY(expect_files());
        WEFT_TRY(expect_log());
    }
    return 0;
}

static void run(uint64_t seed)
{
    hunt_world(&(weft__sim_opts){ .seed = seed, .job_max_ns = (int64_t)roll(4) * 1000000, .cached_percent = roll(3) * 50,
        .file_short_percent = roll(3) * 30, .crash_keep_percent = roll(3) * 50 }, weft_call(years));
}

const scenario hunt_disk = { "disk", "files that are saved, logged and read, with cancels and power cuts", run };
