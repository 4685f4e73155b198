/* gcc: .check_token.* must be declared: int check_token[(]const token_in [*]in[)]
 * clang: .check_token.* must be declared: int check_token[(]const token_in [*]in[)] */
#include "weft.h"

WEFT_INPUT(token_in, header(weft_str, x_token));
extern int check_token(const token_in *in, weft_none **out);
const weft_provider token = WEFT_GUARD(token_in, check_token);    /* HERE */
