#include "base/author.h"

_Thread_local const weft__author *weft__author_runs;
