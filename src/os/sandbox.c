#define _GNU_SOURCE
#include "os/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of kernels younger than the headers; the numbers are those of all architectures. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_removexattrat 466
#endif
#ifndef SYS_file_setattr
#define SYS_file_setattr 469
#endif
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

static int fails(char *why, int rc, const char *what)
{
    snprintf(why, 256, "%s: %s", what, strerror(-rc));
    return rc;
}

/* ---- rights ---- */

/* They stay with who was not root before: a service manager may have given him some. capabilities(7) */
static int drop_capabilities(char *why)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &head, none) < 0) return fails(why, -errno, "user: capabilities cannot be given up");
    return 0;
}

int weft__become_user(const char *name, char *why)
{
    static char room[16 * 1024];
    struct passwd found, *user = NULL;
    pid_t parent = getppid();
    int error = getpwnam_r(name, &found, room, sizeof room, &user);
    if (!user) {
        snprintf(why, 256, "user: nobody is called '%s'%s%s", name, error ? ": " : "", error ? strerror(error) : "");
        return error ? -error : WEFT_ENOENT;
    }
    bool is_he = geteuid() == user->pw_uid && getuid() == user->pw_uid && user->pw_uid != 0;
    if (is_he) return drop_capabilities(why);
    if (initgroups(name, user->pw_gid) < 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0
        || setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0) {
        int rc = -errno;
        snprintf(why, 256, "user: cannot become '%s': %s", name, strerror(-rc));
        return rc;
    }
    /* Rights that change take this away. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    return user->pw_uid ? drop_capabilities(why) : 0;
}

/* ---- files ---- */

static const uint64_t changes = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE
    | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK
    | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;

static int allow(int rules, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr beneath = { .allowed_access = access };
    beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (beneath.parent_fd < 0) return -errno;
    int rc = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0 ? -errno : 0;
    close(beneath.parent_fd);
    return rc;
}

static int allow_folders(int rules, const char *folders, uint64_t access, char *why)
{
    while (folders && *folders) {
        char path[4096];
        folders += strspn(folders, " ");
        size_t n = strcspn(folders, ","), len = n;
        while (len && folders[len - 1] == ' ') len--;
        snprintf(path, sizeof path, "%.*s", (int)len, folders);
        folders += n + (folders[n] == ',');
        int rc = allow(rules, path, access);
        if (rc == 0) continue;
        snprintf(why, 256, "sandbox: folder '%.150s': %s", path, strerror(-rc));
        return rc;
    }
    return 0;
}

/* With `version` of Landlock at most; 1 and 2 know nothing of truncation. What it is, or a code. */
static int confine_files(const char *folders, int most, char *why)
{
    struct landlock_ruleset_attr handled = { .handled_access_fs = changes | LANDLOCK_ACCESS_FS_EXECUTE };
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) return fails(why, -errno, "sandbox: this kernel has no Landlock");
    if (version > most) version = most;
    if (version >= 2) handled.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3) handled.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled.handled_access_fs, 0);
    if (rules < 0) return fails(why, -errno, "sandbox: Landlock");
    int rc = allow_folders(rules, folders, handled.handled_access_fs & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE, why);
    if (rc == 0) (void)allow(rules, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE);
    if (rc == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0) rc = fails(why, -errno, "sandbox: Landlock");
    close(rules);
    return rc < 0 ? rc : version;
}

/* ---- calls ---- */

static const int refused[] = {
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_writev, SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module,
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_swapon, SYS_swapoff, SYS_reboot, SYS_bpf, SYS_perf_event_open, SYS_unshare, SYS_setns,
    SYS_keyctl, SYS_add_key, SYS_request_key, SYS_personality, SYS_userfaultfd, SYS_acct, SYS_quotactl, SYS_sethostname, SYS_setdomainname,
    SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_open_by_handle_at, SYS_vhangup, SYS_io_uring_setup, SYS_mknodat,
    SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsmount, SYS_fspick, SYS_fsconfig,
    /* Of files, what Landlock knows nothing of: rights, owners, times, attributes. */
    SYS_fchmod, SYS_fchmodat, SYS_fchmodat2, SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_setxattrat,
    SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, SYS_removexattrat, SYS_file_setattr,
#ifdef SYS_chmod
    SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat,
#endif
#ifdef SYS_mount_setattr
    SYS_mount_setattr,
#endif
#ifdef SYS_mknod
    SYS_mknod,
#endif
#ifdef SYS_iopl
    SYS_iopl, SYS_ioperm,
#endif
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
};

#if defined __x86_64__
enum { ARCH = AUDIT_ARCH_X86_64, OTHER_ABI = 0x40000000 };
#else
enum { ARCH = AUDIT_ARCH_AARCH64, OTHER_ABI = 0x40000000 };
#endif

/* Of CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
enum { CLONE_NAMESPACES = 0x7e020000 };

/* The same of a file's attributes, by whoever owns it, though he has it open for reading alone: chattr(1). And what puts words into a terminal. */
static const uint32_t refused_controls[] = { FS_IOC_SETFLAGS, FS_IOC32_SETFLAGS, FS_IOC_FSSETXATTR, TIOCSTI };

enum { CALLS = weft_count(refused), CONTROLS = weft_count(refused_controls), CODE_MAX = CALLS + CONTROLS + 40 };
_Static_assert(CALLS < 250, "jumps reach over 255 instructions");

typedef struct filter { unsigned short n; struct sock_filter code[CODE_MAX]; } filter;

static void put(filter *f, struct sock_filter one) { f->code[f->n++] = one; }
static void load(filter *f, size_t at) { put(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)at)); }
static void skip_unless(filter *f, uint32_t value, unsigned char count) { put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)); }
static void end(filter *f, uint32_t with) { put(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, with)); }

enum { ALLOW = SECCOMP_RET_ALLOW, REFUSE = SECCOMP_RET_ERRNO | EPERM, NOT_THERE = SECCOMP_RET_ERRNO | ENOSYS };

/* The lower half of an argument: the machines that weft runs on put it first. */
static size_t argument(unsigned i) { return offsetof(struct seccomp_data, args) + i * sizeof(uint64_t); }

/* Another architecture: the end. The other 32-bit interface: EPERM. */
static void put_architecture(filter *f)
{
    load(f, offsetof(struct seccomp_data, arch));
    put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
    end(f, SECCOMP_RET_KILL_PROCESS);
    load(f, offsetof(struct seccomp_data, nr));
    put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_ABI, 0, 1));
    end(f, REFUSE);
}

/* With a namespace of its own: EPERM. clone3, whose arguments cannot be looked at: ENOSYS, and the C library takes clone. */
static void put_clones(filter *f)
{
    skip_unless(f, SYS_clone3, 1);
    end(f, NOT_THERE);
    skip_unless(f, SYS_clone, 4);
    load(f, argument(0));
    put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NAMESPACES, 0, 1));
    end(f, REFUSE);
    end(f, ALLOW);
}

static void put_controls(filter *f)
{
    skip_unless(f, SYS_ioctl, CONTROLS + 3);
    load(f, argument(1));
    for (unsigned i = 0; i < CONTROLS; i++)
        put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused_controls[i], (unsigned char)(CONTROLS - i), 0));
    end(f, ALLOW);
    end(f, REFUSE);
}

/* A file that is opened for reading, or (mode 3) for nothing, and truncated by that: Landlock looks at who opens it for writing alone. */
static void put_open(filter *f, uint32_t call, unsigned flags)
{
    skip_unless(f, call, 6);
    load(f, argument(flags));
    put(f, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, O_TRUNC | O_ACCMODE));
    put(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, O_TRUNC | O_RDONLY, 1, 0));
    skip_unless(f, O_TRUNC | O_ACCMODE, 1);
    end(f, REFUSE);
    end(f, ALLOW);
}

/* Where Landlock does not look at it (before Linux 6.2). openat2, whose flags cannot be looked at: ENOSYS, and weft opens in steps. */
static void put_truncation(filter *f)
{
    skip_unless(f, SYS_truncate, 1);
    end(f, REFUSE);
    skip_unless(f, SYS_openat2, 1);
    end(f, NOT_THERE);
    put_open(f, SYS_openat, 2);
#ifdef SYS_open
    put_open(f, SYS_open, 1);
#endif
}

static int refuse_calls(bool truncation, char *why)
{
    filter f = { 0 };
    put_architecture(&f);
    put_clones(&f);
    put_controls(&f);
    if (truncation) put_truncation(&f);
    for (unsigned i = 0; i < CALLS; i++)
        put(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refused[i], (unsigned char)(CALLS - i), 0));
    end(&f, ALLOW);
    end(&f, REFUSE);
    struct sock_fprog program = { .len = f.n, .filter = f.code };
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) return fails(why, -errno, "sandbox: seccomp");
    return 0;
}

int weft__sandbox_of(const char *folders, int landlock_most, char *why)
{
    enum { KNOWS_TRUNCATION = 3 };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fails(why, -errno, "sandbox: no_new_privs");
    int version = confine_files(folders, landlock_most, why);
    return version < 0 ? version : refuse_calls(version < KNOWS_TRUNCATION, why);
}

int weft__sandbox(const char *folders, char *why) { return weft__sandbox_of(folders, INT_MAX, why); }
