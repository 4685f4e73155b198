/* Files opened beneath a directory: whatever the path and the links in it say, nothing outside is opened. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "disk.h"

static int64_t beneath(disk *d, const char *dir, const char *path, int flags)
{
    int64_t fd = disk_do(d, (weft__file_op){ .kind = WEFT__FILE_OPEN, .path = path, .to = dir, .flags = flags, .mode = 0644 });
    if (fd < 0) return fd;
    disk_close(d, (int)fd);
    return 0;
}

static void make_tree(disk *d)
{
    WEFT_CHECK_EQ(disk_mkdir(d, "in"), 0);
    WEFT_CHECK_EQ(disk_mkdir(d, "in/sub"), 0);
    WEFT_CHECK_EQ(disk_close(d, disk_open(d, "secret", O_CREAT | O_WRONLY)), 0);
    WEFT_CHECK_EQ(disk_close(d, disk_open(d, "in/a", O_CREAT | O_WRONLY)), 0);
    WEFT_CHECK_EQ(disk_close(d, disk_open(d, "in/sub/b", O_CREAT | O_WRONLY)), 0);
}

static void answers(disk *d)
{
    static const struct { const char *path; int64_t rc; } rows[] = { { "a", 0 }, { "sub/b", 0 }, { "./sub//b", 0 }, { "sub", 0 }, { "sub/", 0 }, { ".", 0 },
        { "", -ENOENT }, { "none", -ENOENT }, { "none/b", -ENOENT }, { "a/b", -ENOTDIR }, { "a/", -ENOTDIR },
        { "..", -EXDEV }, { "../secret", -EXDEV }, { "../in/a", -EXDEV }, { "sub/../../secret", -EXDEV }, { "/etc/passwd", -EXDEV }, { "/", -EXDEV } };
    for (size_t i = 0; i < weft_count(rows); i++) {
        int64_t rc = beneath(d, "in", rows[i].path, O_RDONLY);
        if (rc != rows[i].rc) weft__check_fail(__FILE__, __LINE__, "'%s' gives %lld, expected %lld", rows[i].path, (long long)rc, (long long)rows[i].rc);
    }
    WEFT_CHECK_EQ(beneath(d, "none", "a", O_RDONLY), -ENOENT);
    WEFT_CHECK_EQ(beneath(d, "secret", "a", O_RDONLY), -ENOTDIR);
    WEFT_CHECK_EQ(beneath(d, "in", "new", O_CREAT | O_WRONLY), 0);
    WEFT_CHECK_EQ(beneath(d, "in", "new", O_RDONLY), 0);
}

DISK_TEST(a_path_beneath_a_directory_never_leads_out)
{
    make_tree(d);
    answers(d);
}

/* Links lead nowhere else either. The simulator has none. */
static void make_links(void)
{
    WEFT_CHECK_EQ(symlink("a", "in/good") + symlink("../secret", "in/out") + symlink("/etc/passwd", "in/far") + symlink("..", "in/up")
        + symlink("sub", "in/down") + symlink("/proc/self/root", "in/magic"), 0);
}

static void links_lead_nowhere(disk *d)
{
    static const char *const outside[] = { "out", "far", "up", "up/secret", "magic", "magic/etc/passwd", "down/../up/secret" };
    for (size_t i = 0; i < weft_count(outside); i++) WEFT_CHECK(beneath(d, "in", outside[i], O_RDONLY) < 0);
    WEFT_CHECK(beneath(d, "in", "out", O_WRONLY | O_CREAT) < 0);
    WEFT_CHECK_EQ(disk_size(d, "secret"), 0);
}

static bool has_openat2(void) { return syscall(SYS_openat2, -1, "", NULL, (size_t)0) < 0 && errno != ENOSYS; }

/* Where the system cannot follow them safely (qemu has no openat2) none is followed. */
WEFT_TEST(links_that_lead_out_are_refused_and_others_followed)
{
    disk d = disk_linux(WEFT__ON_DISK);
    make_tree(&d);
    make_links();
    links_lead_nowhere(&d);
    WEFT_CHECK_EQ(beneath(&d, "in", "good", O_RDONLY), has_openat2() ? 0 : -ELOOP);
    WEFT_CHECK_EQ(beneath(&d, "in", "down/b", O_RDONLY), has_openat2() ? 0 : -ENOTDIR);
    disk_end(&d);
}

/* From here on this process has no openat2. False: it may not forbid itself anything. */
static bool forbid_openat2(void)
{
    struct sock_filter steps[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
    struct sock_fprog program = { weft_count(steps), steps };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

WEFT_TEST(where_openat2_is_forbidden_no_link_is_followed)
{
    if (!forbid_openat2()) WEFT_SKIP("this system forbids nothing to processes (seccomp)");
    disk d = disk_linux(WEFT__ON_DISK);
    make_tree(&d);
    answers(&d);
    make_links();
    links_lead_nowhere(&d);
    WEFT_CHECK_EQ(beneath(&d, "in", "good", O_RDONLY), -ELOOP);
    WEFT_CHECK(beneath(&d, "in", "down/b", O_RDONLY) < 0);
    disk_end(&d);
}
