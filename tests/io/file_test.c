/* Files as programs use them: bytes, lines, positions, limits, cancels. */
#include "file_world.h"

FILE_TEST(what_was_written_is_read)
{
    char bytes[16];
    WEFT_FILE(f);
    WEFT_TRY(weft_file_open(&f, "a", .read = true, .write = true, .create = true));
    WEFT_CHECK_EQ(weft_file_write(f, WEFT_S("hello ")), 0);
    WEFT_CHECK_EQ(weft_file_write(f, WEFT_S("world")), 0);
    WEFT_CHECK_EQ(weft_file_position(f), 11);
    WEFT_CHECK_EQ(weft_file_read(f, bytes, sizeof bytes), 0);
    WEFT_CHECK_EQ(weft_file_seek(f, 6), 0);
    WEFT_CHECK_EQ(weft_file_read(f, bytes, 3), 3);
    WEFT_CHECK_EQ(weft_file_read(f, bytes + 3, sizeof bytes - 3), 2);
    WEFT_CHECK(memcmp(bytes, "world", 5) == 0);
    WEFT_CHECK_EQ(weft_file_pwrite(f, WEFT_S("J"), 0), 0);
    WEFT_CHECK_EQ(weft_file_pread(f, bytes, 5, 0), 5);
    WEFT_CHECK(memcmp(bytes, "Jello", 5) == 0);
    WEFT_CHECK_EQ(weft_file_position(f), 11);
    WEFT_CHECK_EQ(weft_file_sync(f), 0);
    WEFT_CHECK_EQ(weft_file_truncate(f, 2), 0);
    WEFT_CHECK_EQ(weft_file_close(f), 0);
    WEFT_CHECK_EQ(weft_file_close(f), 0);
    WEFT_CHECK_EQ(weft_file_read(f, bytes, 1), WEFT_ECLOSED);
    file_is("a", "Je");
    return 0;
}

FILE_TEST(options_open_as_their_names_say)
{
    file_put("a", "old");
    WEFT_FILE(f);
    WEFT_CHECK_EQ(weft_file_open(&f, "a", .write = true, .exclusive = true), -EEXIST);
    WEFT_CHECK_EQ(weft_file_open(&f, "none", .write = true), WEFT_ENOENT);
    WEFT_CHECK_EQ(weft_file_open(&f, "a", .truncate = true), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_file_open(&f, "a", .mode = -1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_file_open(&f, ""), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_file_open(&f, NULL), WEFT_EINVAL);
    WEFT_CHECK(f == NULL);
    WEFT_TRY(weft_file_open(&f, "a", .append = true));
    WEFT_CHECK_EQ(weft_file_write(f, WEFT_S(" and new")), 0);
    WEFT_CHECK_EQ(weft_file_pwrite(f, WEFT_S("x"), 0), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_file_close(f), 0);
    file_is("a", "old and new");
    WEFT_FILE(g);
    weft_file_info info;
    WEFT_TRY(weft_file_open(&g, "b", .write = true, .create = true, .mode = 0640));
    WEFT_CHECK_EQ(weft_file_info_of(g, &info), 0);
    WEFT_CHECK(info.mode == 0640 && info.is_file && !info.is_dir && info.bytes == 0);
    return 0;
}

FILE_TEST(failures_say_what_could_not_be_done_and_why)
{
    weft_str text;
    weft_file_info info;
    WEFT_FILE(f);
    WEFT_CHECK_EQ(weft_file_open(&f, "none"), WEFT_ENOENT);
    WEFT_CHECK_STR(weft_str_of(weft_error_of(WEFT_ENOENT)->text), "cannot open none for reading: No such file or directory");
    WEFT_CHECK_EQ(weft_file_open(&f, "none/a", .write = true, .create = true), WEFT_ENOENT);
    WEFT_CHECK(file_says(WEFT_ENOENT, "cannot open none/a for writing: "));
    WEFT_CHECK_EQ(weft_dir_make("d"), 0);
    WEFT_CHECK_EQ(weft_file_open(&f, "d"), -EISDIR);
    WEFT_CHECK(file_says(-EISDIR, "cannot open d for reading: Is a directory"));
    WEFT_CHECK_EQ(weft_file_text("none", 0, &text), WEFT_ENOENT);
    WEFT_CHECK_EQ(weft_file_stat("none", &info), WEFT_ENOENT);
    WEFT_CHECK(file_says(WEFT_ENOENT, "cannot look at none: "));
    WEFT_CHECK_EQ(weft_file_rename("none", "other"), WEFT_ENOENT);
    WEFT_CHECK(file_says(WEFT_ENOENT, "cannot rename none to other: "));
    WEFT_TRY(weft_file_open(&f, "a", .write = true, .create = true));
    WEFT_CHECK_EQ(weft_file_read(f, (char[4]){ 0 }, 4), -EBADF);
    WEFT_CHECK(file_says(-EBADF, "cannot read a: it was not opened for that"));
    WEFT_CHECK_EQ(weft_file_seek(f, -1), WEFT_EINVAL);
    WEFT_CHECK_EQ(weft_file_pwrite(f, WEFT_S("x"), -1), WEFT_EINVAL);
    return 0;
}

FILE_TEST(a_text_has_a_limit_and_a_nul)
{
    weft_str text = WEFT_S("untouched");
    file_put("a", "12345");
    WEFT_CHECK_EQ(weft_file_text("a", 4, &text), WEFT_ELIMIT);
    WEFT_CHECK(file_says(WEFT_ELIMIT, "cannot read a: it has more than 4 bytes"));
    WEFT_CHECK_STR(text, "untouched");
    WEFT_CHECK_EQ(weft_file_text("a", 5, &text), 0);
    WEFT_CHECK_STR(text, "12345");
    WEFT_CHECK_EQ(text.ptr[5], 0);
    file_put("empty", "");
    WEFT_CHECK_EQ(weft_file_text("empty", 1, &text), 0);
    WEFT_CHECK_EQ(text.len, 0);
    return 0;
}

FILE_EPOLL_TEST(a_file_that_tells_no_size_is_read_to_its_end)
{
    weft_str text;
    WEFT_CHECK_EQ(weft_file_text("/proc/self/maps", 0, &text), 0);
    WEFT_CHECK(text.len > 1000);
    WEFT_CHECK_EQ(weft_file_text("/proc/self/maps", 100, &text), WEFT_ELIMIT);
    return 0;
}

/* ---- lines ---- */

static char *many(size_t n, char c)
{
    char *text = malloc(n + 1);
    WEFT_NEED(text != NULL);
    memset(text, c, n);
    text[n] = 0;
    return text;
}

static void lines_are(const char *text, const char *const *lines, size_t count)
{
    weft_str line;
    size_t n = 0;
    file_put("lines", text);
    WEFT_FILE(f);
    WEFT_NEED(weft_file_open(&f, "lines", .line_bytes_max = 5) == 0);
    for (int rc; (rc = weft_file_line(f, &line)) != 0; n++) {
        WEFT_NEED(rc == 1 && n < count);
        WEFT_CHECK_STR(line, lines[n]);
        WEFT_CHECK_EQ(line.ptr[line.len], 0);
    }
    WEFT_CHECK_EQ(n, count);
    WEFT_CHECK_EQ(weft_file_position(f), strlen(text));
}

#define LINES_ARE(text, ...) lines_are((text), (const char *const[]){ __VA_ARGS__ }, weft_count(((const char *const[]){ __VA_ARGS__ })))

FILE_TEST(lines_come_without_their_ends)
{
    LINES_ARE("a\nbc\n", "a", "bc");
    LINES_ARE("\n\r\n\n", "", "", "");
    LINES_ARE("12345\r\n12345\n12345", "12345", "12345", "12345");
    LINES_ARE("a\rb\n\r", "a\rb", "\r");
    lines_are("", NULL, 0);
    return 0;
}

FILE_TEST(a_line_beyond_the_limit_is_told_and_stays)
{
    static const char *const texts[] = { "123456\nx", "123456", "12345\r\r\nx", "1234567\nx" };
    weft_str line;
    for (size_t i = 0; i < weft_count(texts); i++) {
        file_put("a", "ok\n");
        WEFT_TRY(weft_file_append("a", weft_str_of(texts[i])));
        WEFT_FILE(f);
        WEFT_TRY(weft_file_open(&f, "a", .line_bytes_max = 5));
        WEFT_CHECK_EQ(weft_file_line(f, &line), 1);
        WEFT_CHECK_EQ(weft_file_line(f, &line), WEFT_ELIMIT);
        WEFT_CHECK_EQ(weft_file_line(f, &line), WEFT_ELIMIT);
        WEFT_CHECK(file_says(WEFT_ELIMIT, "the line at byte 3 is longer than 5 bytes"));
        WEFT_CHECK_EQ(weft_file_position(f), 3);
    }
    return 0;
}

FILE_TEST(long_lines_reads_and_seeks_mix)
{
    char *text = many(100001, 'x'), bytes[4];
    weft_str line;
    text[60000] = text[100000] = '\n';
    file_put("a", text);
    free(text);
    WEFT_FILE(f);
    WEFT_TRY(weft_file_open(&f, "a"));
    WEFT_CHECK_EQ(weft_file_line(f, &line), 1);
    WEFT_CHECK_EQ(line.len, 60000);
    WEFT_CHECK_EQ(weft_file_read(f, bytes, 4), 4);
    WEFT_CHECK_EQ(weft_file_line(f, &line), 1);
    WEFT_CHECK_EQ(line.len, 39995);
    WEFT_CHECK_EQ(weft_file_line(f, &line), 0);
    WEFT_CHECK_EQ(weft_file_seek(f, 59998), 0);
    WEFT_CHECK_EQ(weft_file_line(f, &line), 1);
    WEFT_CHECK_STR(line, "xx");
    return 0;
}

FILE_TEST(lines_of_a_file_that_grows_go_on_at_its_end)
{
    weft_str line;
    file_put("a", "one\n");
    WEFT_FILE(f);
    WEFT_TRY(weft_file_open(&f, "a"));
    WEFT_CHECK_EQ(weft_file_line(f, &line), 1);
    WEFT_CHECK_EQ(weft_file_line(f, &line), 0);
    WEFT_CHECK_EQ(weft_file_append("a", WEFT_S("two\n")), 0);
    WEFT_CHECK_EQ(weft_file_line(f, &line), 1);
    WEFT_CHECK_STR(line, "two");
    return 0;
}

FILE_TEST(many_lines_take_bounded_memory)
{
    enum { LINES = 20000 };
    char *text = many(LINES * 8, 'x');
    for (int i = 0; i < LINES; i++) text[i * 8 + 7] = '\n';
    file_put("a", text);
    free(text);
    WEFT_FILE(f);
    weft_str line;
    int n = 0;
    WEFT_TRY(weft_file_open(&f, "a"));
    long before = world_mem.bytes, most = 0;
    for (int rc; (rc = weft_file_line(f, &line)) != 0; n++) {
        WEFT_TRY(rc);
        if (world_mem.bytes > most) most = world_mem.bytes;
    }
    WEFT_CHECK_EQ(n, LINES);
    WEFT_CHECK(most - before < 200 * 1024 || !world_now.virtual_time);
    return 0;
}

/* ---- appending ---- */

static int append_one(const int *n)
{
    char line[64];
    snprintf(line, sizeof line, "%04d abcdefghijklmnopqrstuvwxyz0123456789 %04d\n", *n, *n);
    return weft_file_append("log", weft_str_of(line));
}

FILE_TEST(a_thousand_appends_at_once_give_a_thousand_whole_lines)
{
    enum { LINES = 1000 };
    char seen[LINES] = { 0 };
    weft_str line;
    {
        WEFT_SCOPE(s, .forget = true);
        for (int i = 0; i < LINES; i++) weft_spawn(s, append_one, &i);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_FILE(f);
    WEFT_TRY(weft_file_open(&f, "log"));
    int n = 0;
    for (; weft_file_line(f, &line) == 1; n++) {
        int a = -1, b = -2;
        WEFT_CHECK_EQ(sscanf(line.ptr, "%d abcdefghijklmnopqrstuvwxyz0123456789 %d", &a, &b), 2);
        WEFT_NEED(a == b && a >= 0 && a < LINES && !seen[a]);
        seen[a] = 1;
    }
    WEFT_CHECK_EQ(n, LINES);
    return 0;
}

static int append_to_open(weft_file *const *f)
{
    for (int i = 0; i < 10; i++) {
        int rc;
        while ((rc = weft_file_write(*f, WEFT_S("a whole line\n"))) == WEFT_EBUSY) WEFT_TRY(weft_sleep_ms(1));
        WEFT_TRY(rc);
    }
    return 0;
}

FILE_TEST(an_open_file_takes_one_writer_at_a_time)
{
    weft_str line;
    int n = 0;
    WEFT_FILE(f);
    WEFT_TRY(weft_file_open(&f, "a", .read = true, .append = true, .create = true));
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < 5; i++) weft_spawn(s, append_to_open, &f);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    for (; weft_file_line(f, &line) == 1; n++) WEFT_CHECK_STR(line, "a whole line");
    WEFT_CHECK_EQ(n, 50);
    return 0;
}

/* ---- cancels ---- */

static int read_into(weft_file *const *f, char **to)
{
    int64_t n = weft_file_read(*f, *to, 5);
    return n < 0 ? (int)n : 0;
}

FILE_TEST(b11_a_read_that_is_cancelled_leaves_its_buffer_to_its_owner_and_its_bytes_to_the_next)
{
    file_put("a", "12345");
    file_slow_reads();
    WEFT_FILE(f);
    WEFT_TRY(weft_file_open(&f, "a"));
    char *bytes = malloc(5), **to = &bytes;
    WEFT_NEED(bytes);
    int64_t began = world_real_ms();
    {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, read_into, &f, to);
        WEFT_NEED(weft_sleep_ms(JOB_MS / 4) == 0);
        weft_task_cancel(t);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ECANCELED);
    }
    if (world_now.virtual_time) WEFT_CHECK(world_real_ms() - began < 10000);
    free(bytes);                                     /* the thread may still be reading */
    char again[5];
    WEFT_CHECK_EQ(weft_file_position(f), 0);
    WEFT_CHECK_EQ(weft_file_read(f, again, 5), 5);
    WEFT_CHECK(memcmp(again, "12345", 5) == 0);
    WEFT_TRY(weft_sleep_ms(4 * JOB_MS));
    return 0;
}

FILE_TEST(b47_a_file_closed_while_a_thread_reads_it_keeps_its_descriptor_until_then)
{
    file_put("a", "12345");
    file_slow_reads();
    weft_file *f = NULL;
    WEFT_TRY(weft_file_open(&f, "a"));
    char bytes[5], *at = bytes;
    {
        WEFT_SCOPE(s, .timeout_ms = JOB_MS / 4);
        WEFT_CHECK_EQ(read_into(&f, &at), WEFT_ETIMEDOUT);
    }
    long fds = world_fds();
    weft_file_free(f);
    if (!world_now.virtual_time) WEFT_CHECK_EQ(world_fds(), fds);
    else WEFT_CHECK_EQ(weft__sim_open_fds(world_now.os), 1);
    WEFT_TRY(weft_sleep_ms(8 * JOB_MS));
    if (!world_now.virtual_time) WEFT_CHECK_EQ(world_fds(), fds - 1);
    else WEFT_CHECK_EQ(weft__sim_open_fds(world_now.os), 0);
    return 0;
}

FILE_TEST(b47_a_read_under_way_when_its_file_is_closed_ends_at_once)
{
    file_put("a", "12345");
    file_slow_reads();
    weft_file *f = NULL;
    WEFT_TRY(weft_file_open(&f, "a"));
    char *bytes = malloc(5);
    WEFT_NEED(bytes);
    weft_error failed;
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, read_into, &f, &bytes, .error = &failed);
    WEFT_NEED(weft_sleep_ms(JOB_MS / 4) == 0);
    int64_t closed_ns = weft_now_ns();
    WEFT_CHECK_EQ(weft_file_close(f), 0);
    WEFT_CHECK_EQ(weft_await(t), WEFT_ECLOSED);
    WEFT_CHECK(file_says(WEFT_ECLOSED, "cannot read a: "));
    if (world_now.virtual_time) WEFT_CHECK_EQ(weft_now_ns(), closed_ns);
    free(bytes);                                     /* the thread still reads */
    weft_file_free(f);
    WEFT_TRY(weft_sleep_ms(8 * JOB_MS));
    if (world_now.virtual_time) WEFT_CHECK_EQ(weft__sim_open_fds(world_now.os), 0);
    return 0;
}

static int write_more(weft_file *const *f, int *rc)
{
    *rc = weft_file_write(*f, WEFT_S("more"));
    return 0;
}

FILE_SIM_TEST(b47_a_write_under_way_when_its_file_is_closed_keeps_its_result)
{
    int rc = 1;
    weft_file *f = NULL;
    WEFT_TRY(weft_file_open(&f, "a", .write = true, .create = true));
    {
        WEFT_SCOPE(s);
        weft_spawn(s, write_more, &f, &rc);
        WEFT_NEED(weft_sleep_ms(JOB_MS - 1) == 0); /* half of a job's time passes before it runs */
        weft_file_free(f);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_CHECK_EQ(rc, 0);
    WEFT_CHECK_EQ(weft__sim_open_fds(world_now.os), 0);
    file_is("a", "more");
    return 0;
}

static int hold_a_thread(weft_file *const *f) { return weft_file_sync(*f); }

FILE_SIM_TEST(b47_a_change_that_no_thread_has_begun_when_its_file_is_closed_is_not_made)
{
    enum { THREADS = 16 };
    int rc = 1;
    weft_file *f = NULL;
    WEFT_FILE(busy);
    WEFT_TRY(weft_file_open(&f, "a", .write = true, .create = true));
    WEFT_NEED(weft_file_open(&busy, "b", .write = true, .create = true) == 0);
    {
        WEFT_SCOPE(s);
        for (int i = 0; i < THREADS; i++) weft_spawn(s, hold_a_thread, &busy);
        world_turn();
        weft_spawn(s, write_more, &f, &rc);
        WEFT_NEED(weft_sleep_ms(JOB_MS / 4) == 0);
        weft_file_free(f);
        WEFT_CHECK_EQ(weft_join(s), 0);
    }
    WEFT_CHECK_EQ(rc, WEFT_ECLOSED);
    file_is("a", "");
    return 0;
}

static int read_megabytes(weft_file *const *f, char **to)
{
    int64_t n = weft_file_read(*f, *to, 4 << 20);
    return n < 0 ? (int)n : 0;
}

FILE_TEST(b47_a_long_read_from_the_cache_ends_when_its_file_is_closed)
{
    enum { BYTES = 4 << 20 };
    weft_error failed;
    char *bytes = malloc(BYTES);
    WEFT_NEED(bytes);
    memset(bytes, 'x', BYTES);
    weft_str all = { bytes, BYTES };
    WEFT_NEED(weft_file_save("a", all) == 0);
    weft_file *f = NULL;
    WEFT_NEED(weft_file_open(&f, "a") == 0);
    {
        WEFT_SCOPE(s);
        weft_task *t = weft_spawn(s, read_megabytes, &f, &bytes, .error = &failed);
        WEFT_NEED(weft_yield() == 0);
        WEFT_NEED(weft_yield() == 0);
        WEFT_CHECK(!weft_task_done(t));
        weft_file_free(f);
        WEFT_CHECK_EQ(weft_await(t), WEFT_ECLOSED);
    }
    free(bytes);
    WEFT_TRY(weft_sleep_ms(8 * JOB_MS));             /* a thread may still read */
    return 0;
}

static int write_one(weft_file *const *f) { return weft_file_write(*f, WEFT_S("12345")); }

/* It may wait for a disk or a network as the write did. */
FILE_SIM_TEST(a_file_closed_while_a_task_writes_it_is_closed_on_a_thread)
{
    weft_file *f = NULL;
    WEFT_TRY(weft_file_open(&f, "a", .write = true, .create = true));
    int64_t began = weft_now_ns();
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, write_one, &f);
    WEFT_NEED(weft_sleep_ms(JOB_MS - 1) == 0); /* the write has begun */
    weft_file_free(f);
    WEFT_CHECK_EQ(weft_await(t), 0);
    WORLD_TOOK(began, 2 * JOB_MS);
    WEFT_CHECK_EQ(weft__sim_open_fds(world_now.os), 0);
    file_is("a", "12345");
    return 0;
}

static int close_one(weft_file *const *f) { return weft_file_close(*f); }

FILE_SIM_TEST(a_file_freed_while_a_task_closes_it_is_that_tasks_to_the_end)
{
    weft_file *f = NULL;
    WEFT_TRY(weft_file_open(&f, "a", .write = true, .create = true));
    WEFT_CHECK_EQ(weft__sim_fail(world_now.os, "close", 1, -EIO), 0);
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, close_one, &f);
    WEFT_TRY(weft_sleep_ms(JOB_MS / 4));
    weft_file_free(f);
    WEFT_CHECK_EQ(weft_await(t), -EIO);
    WEFT_CHECK(file_says(-EIO, "cannot close a: Input/output error"));
    return 0;
}

static int write_over(weft_file *const *f) { return weft_file_pwrite(*f, WEFT_S("two"), 4); }

FILE_SIM_TEST(lines_read_ahead_while_they_are_written_over_are_read_again)
{
    weft_str line;
    file_put("a", "one\nold\n");
    file_slow_reads();
    WEFT_FILE(f);
    WEFT_TRY(weft_file_open(&f, "a", .read = true, .write = true));
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, write_over, &f);
    WEFT_CHECK_EQ(weft_file_line(f, &line), 1);
    WEFT_CHECK_STR(line, "one");
    WEFT_CHECK_EQ(weft_await(t), 0);
    WEFT_CHECK_EQ(weft_file_line(f, &line), 1);
    WEFT_CHECK_STR(line, "two");
    return 0;
}

FILE_TEST(b2_nothing_is_done_in_a_scope_that_was_cancelled_before)
{
    weft_str text;
    file_put("a", "kept");
    {
        WEFT_FILE(f);
        WEFT_TRY(weft_file_open(&f, "a", .read = true, .write = true));
        WEFT_SCOPE(s);
        weft_cancel(s);
        WEFT_CHECK_EQ(weft_file_write(f, WEFT_S("lost")), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_file_append("a", WEFT_S("lost")), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_file_save("a", WEFT_S("lost")), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_file_remove("a"), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_file_text("a", 0, &text), WEFT_ECANCELED);
        WEFT_CHECK_EQ(weft_file_close(f), 0);
    }
    file_is("a", "kept");
    return 0;
}

FILE_SIM_TEST(an_open_that_is_cancelled_leaves_no_descriptor)
{
    WEFT_FILE(f);
    file_put("a", "x");
    {
        WEFT_SCOPE(s, .timeout_ms = JOB_MS / 4);
        WEFT_CHECK_EQ(weft_file_open(&f, "a"), WEFT_ETIMEDOUT);
    }
    WEFT_CHECK(f == NULL);
    WEFT_TRY(weft_sleep_ms(2 * JOB_MS));
    WEFT_CHECK_EQ(weft__sim_open_fds(world_now.os), 0);
    return 0;
}

FILE_SIM_TEST(a_change_that_has_begun_is_waited_for_and_its_result_stands)
{
    {
        WEFT_SCOPE(s, .timeout_ms = JOB_MS / 4);
        WEFT_CHECK_EQ(weft_file_append("a", WEFT_S("done")), 0);
        WEFT_CHECK_EQ(weft_yield(), WEFT_ETIMEDOUT);
    }
    file_is("a", "done");
    return 0;
}

static int read_slowly(weft_file *const *f)
{
    char byte;
    int64_t n = weft_file_read(*f, &byte, 1);
    return n == 1 ? 0 : (int)n;
}

FILE_TEST(b46_a_second_reader_of_a_position_is_told_with_the_first_ones_name)
{
    char byte;
    weft_str line;
    file_put("a", "12345");
    file_slow_reads();
    WEFT_FILE(f);
    WEFT_TRY(weft_file_open(&f, "a"));
    WEFT_SCOPE(s);
    weft_task *t = weft_spawn(s, read_slowly, &f);
    world_turn();
    WEFT_CHECK_EQ(weft_file_read(f, &byte, 1), WEFT_EBUSY);
    WEFT_CHECK(file_says(WEFT_EBUSY, "task read_slowly moves its position"));
    WEFT_CHECK_EQ(weft_file_line(f, &line), WEFT_EBUSY);
    WEFT_CHECK_EQ(weft_file_seek(f, 0), WEFT_EBUSY);
    WEFT_CHECK_EQ(weft_file_pread(f, &byte, 1, 4), 1);
    WEFT_CHECK_EQ(byte, '5');
    WEFT_CHECK_EQ(weft_await(t), 0);
    return 0;
}

FILE_EPOLL_TEST(a_pipe_is_no_file)
{
    WEFT_FILE(f);
    WEFT_NEED(system("mkfifo pipe") == 0);
    WEFT_CHECK_EQ(weft_file_open(&f, "pipe"), WEFT_EINVAL);
    WEFT_CHECK(file_says(WEFT_EINVAL, "cannot open pipe: it is a pipe or a socket, and no file"));
    WEFT_CHECK_EQ(weft_file_open(&f, "pipe", .write = true), -ENXIO);
    WEFT_CHECK(file_says(-ENXIO, "cannot open pipe for writing: it is a pipe that nobody reads, or a socket, and no file"));
    WEFT_CHECK_EQ(weft_file_append("pipe", WEFT_S("x")), -ENXIO);
    WEFT_CHECK(file_says(-ENXIO, "cannot append to pipe: it is a pipe that nobody reads, or a socket, and no file"));
    return 0;
}
