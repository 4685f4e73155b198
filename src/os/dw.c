#define _GNU_SOURCE
#include "os/dw.h"
#include <pthread.h>
#include <unistd.h>
#include "os/unwind.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Dwfl *session;

void weft__dw_lock(void) { pthread_mutex_lock(&lock); }
void weft__dw_unlock(void) { pthread_mutex_unlock(&lock); }

/* dwfl_standard_find_debuginfo would ask servers on the network; by its build id a file is found in
 * /usr/lib/debug alone. */
static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_build_id_find_debuginfo,
};

static bool report(void)
{
    dwfl_report_begin(session);
    bool read = dwfl_linux_proc_report(session, getpid()) == 0;
    return dwfl_report_end(session, NULL, NULL) == 0 && read;
}

static bool session_open(void)
{
    if (session) return true;
    session = dwfl_begin(&callbacks);
    if (!session) return false;
    if (report()) return true;
    dwfl_end(session);
    session = NULL;
    return false;
}

Dwfl_Module *weft__dw_module(uintptr_t pc)
{
    if (!session_open()) return NULL;
    Dwfl_Module *m = dwfl_addrmodule(session, pc);
    if (!m && report()) m = dwfl_addrmodule(session, pc);
    return m;
}

void weft__unwind_forget(void)
{
    weft__dw_lock();
    dwfl_end(session);
    session = NULL;
    weft__dw_unlock();
}
