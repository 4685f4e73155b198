#ifndef WEFT_SRC_OS_DW_H
#define WEFT_SRC_OS_DW_H
/* This process as libdw sees it: its modules, their unwind tables and debug information. For unwind_dw.c and
 * places_dw.c; whoever calls here holds the lock. */
#include <elfutils/libdwfl.h>
#include <stdint.h>

void weft__dw_lock(void);
void weft__dw_unlock(void);

/* The module around a code address, NULL when there is none. What was loaded since the last call is found too. */
Dwfl_Module *weft__dw_module(uintptr_t pc);
#endif
