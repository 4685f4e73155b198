#ifndef WEFT_SRC_OS_OBJECTS_H
#define WEFT_SRC_OS_OBJECTS_H
/* Where something static lies, said so that other processes find it at home: in which loaded object (the program, a shared library), and where in that. Addresses
 * differ from start to start, and how far two objects lie apart does, too. */
#include "weft/base.h"

/* `object`: the same number for what has the same build id, wherever and in whatever process it is loaded; 1: the program itself, whatever program it is. What has no
 * build id, or lies in no object at all (on the heap), is known to processes that were forked by one program, and not behind an exec. */
typedef struct weft__static_place { uint64_t object; int64_t at; } weft__static_place;

/* A few nanoseconds, but for the first of an object. An object that was asked for must stay loaded. From any thread. Wait: never. */
weft__static_place weft__static_place_of(const void *what);
/* NULL: its object is not loaded in this process. */
void *weft__static_at(weft__static_place place);
#endif
