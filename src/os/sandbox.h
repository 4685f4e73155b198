#ifndef WEFT_SRC_OS_SANDBOX_H
#define WEFT_SRC_OS_SANDBOX_H
/* A process that gives up what a server does not need, for good: its rights, other programs, files it has no business with.
 * For one without threads, and for all that it forks and starts afterwards. */
#include "weft/base.h"

/* Become this user, with his groups and no others. 0, or a code with the reason in `why` (256 bytes): nobody is called so, or this
 * process has no right to. It still ends with its parent. Capabilities are gone (unless the user is root); who was this user already keeps his groups. */
int weft__become_user(const char *name, char *why) WEFT_NODISCARD;

/* From now on: no program is executed (Landlock, seccomp); no file is made, changed or removed outside of `folders`, a list with commas, NULL: nowhere (/dev/null
 * excepted); files may be read as before. What Landlock knows nothing of is refused everywhere: rights, owners, times and attributes of files (chmod, chown,
 * utimes, xattr, chattr), and where it is too old for truncation (before Linux 6.2) truncate(2) and openat2. Calls of the system that trace, mount, load, change
 * clocks or namespaces (also by clone; clone3 is ENOSYS), and io_uring, fail with EPERM. What is open stays so. 0; or a code with the reason in `why`: a folder
 * that is not there, a kernel without Landlock (5.13) or seccomp. landlock(7), seccomp(2). */
int weft__sandbox(const char *folders, char *why) WEFT_NODISCARD;

/* The same, as a kernel has it that knows this version of Landlock and no later one. */
int weft__sandbox_of(const char *folders, int landlock_most, char *why) WEFT_NODISCARD;
#endif
