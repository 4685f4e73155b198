// C++ around an application whose models are in C.
#include <string>
extern "C" {
#include <weft/base.h>
int weft_app_main(void);
}

int main(int argc, char **)
{
    std::string text = "alfa";
    if (argc > 1) return weft_app_main();
    return weft_str_of(text.c_str()).len == 4 ? 0 : 1;
}
