/* gcc:   no keyword of a model: more_than_64_members
 * clang: no keyword of a model: more_than_64_members */
#include "weft/model.h"

WEFT_MODEL(Wide,    /* HERE */
    field(int, m0), field(int, m1), field(int, m2), field(int, m3), field(int, m4),
    field(int, m5), field(int, m6), field(int, m7), field(int, m8), field(int, m9),
    field(int, m10), field(int, m11), field(int, m12), field(int, m13), field(int, m14),
    field(int, m15), field(int, m16), field(int, m17), field(int, m18), field(int, m19),
    field(int, m20), field(int, m21), field(int, m22), field(int, m23), field(int, m24),
    field(int, m25), field(int, m26), field(int, m27), field(int, m28), field(int, m29),
    field(int, m30), field(int, m31), field(int, m32), field(int, m33), field(int, m34),
    field(int, m35), field(int, m36), field(int, m37), field(int, m38), field(int, m39),
    field(int, m40), field(int, m41), field(int, m42), field(int, m43), field(int, m44),
    field(int, m45), field(int, m46), field(int, m47), field(int, m48), field(int, m49),
    field(int, m50), field(int, m51), field(int, m52), field(int, m53), field(int, m54),
    field(int, m55), field(int, m56), field(int, m57), field(int, m58), field(int, m59),
    field(int, m60), field(int, m61), field(int, m62), field(int, m63), field(int, m64));
