/* What holds of files in both worlds, and what the kernel's may lack. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "disk.h"

static const weft__file_kind with_fd[] = { WEFT__FILE_CLOSE, WEFT__FILE_READ, WEFT__FILE_WRITE, WEFT__FILE_SYNC,
    WEFT__FILE_TRUNCATE, WEFT__FILE_STAT, WEFT__FILE_LIST };

DISK_TEST(a_closed_file_is_good_for_nothing)
{
    char bytes[WEFT__FILE_LIST_MIN];
    struct iovec v = { bytes, sizeof bytes };
    struct stat st;
    int fd = disk_open(d, "f", O_RDWR | O_CREAT);
    WEFT_NEED(fd >= 0);
    WEFT_CHECK_EQ(disk_close(d, fd), 0);
    for (size_t i = 0; i < weft_count(with_fd); i++) {
        weft__file_op op = { .kind = with_fd[i], .fd = fd, .iov = &v, .iov_count = 1, .stat = &st };
        WEFT_CHECK_EQ(disk_do(d, op), -EBADF);
    }
}

DISK_TEST(a_kind_that_does_not_exist_is_refused)
{
    WEFT_CHECK_EQ(disk_do(d, (weft__file_op){ .kind = WEFT__FILE_KINDS }), WEFT_EINVAL);
}

DISK_TEST(the_close_of_the_os_closes_files_too)
{
    int fd = disk_open(d, "f", O_RDWR | O_CREAT);
    d->os->ops->close(d->os, fd);
    WEFT_CHECK_EQ(disk_write(d, fd, "x", -1), -EBADF);
}

DISK_TEST(what_is_appended_lies_whole_behind_what_is_there)
{
    int a = disk_open(d, "log", O_WRONLY | O_CREAT | O_APPEND), b = disk_open(d, "log", O_WRONLY | O_APPEND);
    WEFT_CHECK_EQ(disk_write(d, a, "one\n", -1), 4);
    WEFT_CHECK_EQ(disk_write(d, b, "two\n", -1), 4);
    WEFT_CHECK_EQ(disk_write(d, a, "three\n", 0), 6);        /* an offset does not count */
    WEFT_CHECK_STR(weft_str_of(disk_get(d, "log")), "one\ntwo\nthree\n");
    disk_close(d, a);
    disk_close(d, b);
}

DISK_TEST(reads_and_writes_at_an_offset_leave_the_position_alone)
{
    char two[3] = { 0 };
    int fd = disk_open(d, "f", O_RDWR | O_CREAT);
    WEFT_CHECK_EQ(disk_write(d, fd, "abcdef", -1), 6);
    WEFT_CHECK_EQ(disk_write(d, fd, "XY", 1), 2);
    WEFT_CHECK_EQ(disk_read(d, fd, two, 2, 0), 2);
    WEFT_CHECK_EQ(disk_read(d, fd, two, 2, -1), 0);
    WEFT_CHECK_EQ(disk_write(d, fd, "g", -1), 1);
    WEFT_CHECK_STR(weft_str_of(disk_get(d, "f")), "aXYdefg");
    disk_close(d, fd);
}

DISK_TEST(a_gap_is_zeros)
{
    char bytes[6] = "......";
    int fd = disk_open(d, "f", O_RDWR | O_CREAT);
    WEFT_CHECK_EQ(disk_write(d, fd, "z", 5), 1);
    WEFT_CHECK_EQ(disk_read(d, fd, bytes, 6, 0), 6);
    WEFT_CHECK(!memcmp(bytes, "\0\0\0\0\0z", 6));
    WEFT_CHECK_EQ(disk_do(d, (weft__file_op){ .kind = WEFT__FILE_TRUNCATE, .fd = fd, .offset = 2 }), 0);
    WEFT_CHECK_EQ(disk_do(d, (weft__file_op){ .kind = WEFT__FILE_TRUNCATE, .fd = fd, .offset = 6 }), 0);
    WEFT_CHECK_EQ(disk_read(d, fd, bytes, 6, 0), 6);
    WEFT_CHECK(!memcmp(bytes, "\0\0\0\0\0\0", 6));
    disk_close(d, fd);
}

DISK_TEST(a_file_lives_without_its_name_as_long_as_it_is_open)
{
    struct stat st = { 0 };
    char bytes[4];
    disk_put(d, "f", "old");
    int fd = disk_open(d, "f", O_RDWR);
    WEFT_CHECK_EQ(disk_remove(d, "f"), 0);
    WEFT_CHECK_EQ(disk_open(d, "f", O_RDONLY), -ENOENT);
    WEFT_CHECK_EQ(disk_put(d, "f", "new"), 3);
    WEFT_CHECK_EQ(disk_write(d, fd, "er", 3), 2);
    WEFT_CHECK_EQ(disk_read(d, fd, bytes, 4, 1), 4);
    WEFT_CHECK(!memcmp(bytes, "lder", 4));
    WEFT_CHECK_EQ(disk_do(d, (weft__file_op){ .kind = WEFT__FILE_STAT, .fd = fd, .stat = &st }), 0);
    WEFT_CHECK_EQ(st.st_nlink, 0);
    WEFT_CHECK_STR(weft_str_of(disk_get(d, "f")), "new");
    disk_close(d, fd);
}

DISK_TEST(a_rename_replaces_and_who_has_the_old_one_open_keeps_it)
{
    char bytes[4] = "";
    disk_put(d, "f", "old");
    disk_put(d, "g", "new");
    int fd = disk_open(d, "f", O_RDONLY);
    WEFT_CHECK_EQ(disk_rename(d, "g", "f"), 0);
    WEFT_CHECK_STR(weft_str_of(disk_names(d, ".")), "f ");
    WEFT_CHECK_STR(weft_str_of(disk_get(d, "f")), "new");
    WEFT_CHECK_EQ(disk_read(d, fd, bytes, 3, -1), 3);
    WEFT_CHECK_STR(weft_str_of(bytes), "old");
    disk_close(d, fd);
}

DISK_TEST(only_one_can_be_the_first)
{
    int fd = disk_open(d, "lock", O_WRONLY | O_CREAT | O_EXCL);
    WEFT_NEED(fd >= 0);
    WEFT_CHECK_EQ(disk_open(d, "lock", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
    WEFT_CHECK_EQ(disk_mkdir(d, "lock"), -EEXIST);
    disk_close(d, fd);
}

static void check_temp(disk *d)
{
    char bytes[4] = "";
    WEFT_CHECK_EQ(disk_mkdir(d, "t"), 0);
    int fd = (int)disk_do(d, (weft__file_op){ .kind = WEFT__FILE_TEMP, .path = "t", .mode = 0600 });
    WEFT_NEED(fd >= 0);
    WEFT_CHECK_EQ(disk_write(d, fd, "abc", -1), 3);
    WEFT_CHECK_EQ(disk_read(d, fd, bytes, 4, 0), 3);
    WEFT_CHECK_STR(weft_str_of(bytes), "abc");
    WEFT_CHECK_STR(weft_str_of(disk_names(d, "t")), "");
    WEFT_CHECK_EQ(disk_close(d, fd), 0);
    WEFT_CHECK_EQ(disk_remove(d, "t"), 0);
    WEFT_CHECK_EQ(disk_do(d, (weft__file_op){ .kind = WEFT__FILE_TEMP, .path = "t", .mode = 0600 }), -ENOENT);
}

DISK_TEST(a_temporary_file_has_no_name) { check_temp(d); }

/* Names go while they are listed: each that stays is told once, none twice. */
DISK_TEST(a_listing_bears_removals)
{
    char name[80], bytes[WEFT__FILE_LIST_MIN], seen[60] = { 0 };
    struct iovec v = { bytes, sizeof bytes };
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "%02d-a-name-that-fills-the-room-of-a-listing-soon", i);
        WEFT_CHECK_EQ(disk_put(d, name, ""), 0);
    }
    int fd = disk_open(d, ".", O_RDONLY | O_DIRECTORY);
    weft__file_op op = { .kind = WEFT__FILE_LIST, .fd = fd, .iov = &v };
    for (int64_t n; (n = disk_do(d, op)) > 0;)
        for (char *p = bytes; p < bytes + n; p += strlen(p) + 1) {
            WEFT_CHECK_EQ(seen[atoi(p)]++, 0);
            WEFT_CHECK_EQ(disk_remove(d, p), 0);
        }
    WEFT_CHECK_EQ(disk_do(d, op), 0);
    WEFT_CHECK_STR(weft_str_of(disk_names(d, ".")), "");
    v.iov_len = WEFT__FILE_LIST_MIN - 1;
    WEFT_CHECK_EQ(disk_do(d, op), WEFT_EINVAL);
    disk_close(d, fd);
}

DISK_TEST(a_long_listing_comes_in_pieces_and_tells_each_name_once)
{
    char name[80], all[60 * sizeof name] = "";
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "%02d-a-name-that-fills-the-room-of-a-listing-soon", i);
        WEFT_CHECK_EQ(disk_put(d, name, ""), 0);
        strcat(strcat(all, name), " ");
    }
    WEFT_CHECK_STR(weft_str_of(disk_names(d, ".")), all);
}

static int64_t read_at_once(disk *d, int fd, char *to, size_t n)
{
    struct iovec v = { to, n };
    return disk_do(d, (weft__file_op){ .kind = WEFT__FILE_READ, .fd = fd, .iov = &v, .iov_count = 1, .at_once = true });
}

/* What was written a moment ago is in the page cache, where the file system can tell. */
DISK_TEST(a_read_at_once_gives_what_is_there_or_says_that_it_would_wait)
{
    char bytes[8] = "";
    disk_put(d, "f", "content");
    int fd = disk_open(d, "f", O_RDONLY);
    int64_t n = read_at_once(d, fd, bytes, 7);
    WEFT_CHECK(n == 7 || n == -EAGAIN);
    WEFT_CHECK_STR(weft_str_of(bytes), n == 7 ? "content" : "");
    n = read_at_once(d, 987654, bytes, 7);
    WEFT_CHECK(n == -EBADF || n == -EAGAIN);
    disk_close(d, fd);
}

/* ---- kernels and file systems that know less ---- */

/* From here on, in this process: the call fails when the bits are in its third argument. */
static void forbid(unsigned call, unsigned bits, unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = (unsigned short)weft_count(code), .filter = code };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) _exit(77);
}

static void in_a_process(void (*body)(void))
{
    int status = -1;
    pid_t pid = fork();
    WEFT_NEED(pid >= 0);
    if (!pid) {
        body();
        _exit(0);
    }
    WEFT_CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) WEFT_SKIP("no seccomp filters here");
    WEFT_CHECK_EQ(status, 0);
}

static void without_tmpfile(void)
{
    forbid(SYS_openat, O_TMPFILE & ~O_DIRECTORY, EOPNOTSUPP);
    disk d = disk_linux(WEFT__ON_DISK);
    check_temp(&d);
    disk_end(&d);
}

WEFT_TEST(a_temporary_file_needs_no_file_system_that_knows_them) { in_a_process(without_tmpfile); }

static void without_nowait(void)
{
    char bytes[8] = "";
    forbid(SYS_preadv2, 0xffffffff, EOPNOTSUPP);
    disk d = disk_linux(WEFT__ON_DISK);
    disk_put(&d, "f", "content");
    int fd = disk_open(&d, "f", O_RDONLY);
    WEFT_CHECK_EQ(read_at_once(&d, fd, bytes, 7), -EAGAIN);
    WEFT_CHECK_EQ(disk_read(&d, fd, bytes, 7, -1), 7);
    disk_close(&d, fd);
    disk_end(&d);
}

WEFT_TEST(where_nobody_can_tell_what_is_cached_a_read_at_once_would_wait) { in_a_process(without_nowait); }
