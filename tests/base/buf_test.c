#include "weft/check.h"
