/* Tests of larger/, built with its main renamed: -Dmain=weft_app_main. */
#include <weft.h>

extern const weft_app app;

WEFT_TEST(each_file_has_its_prefix)
{
    WEFT_CHECK_JSON(weft_test_get(&app, "/").body, "Hello");
    WEFT_CHECK_JSON(weft_test_get(&app, "/items/").body, [{ "id": 1, "name": "Linen" }, { "id": 2, "name": "Wool" }]);
    WEFT_CHECK_JSON(weft_test_get(&app, "/items/2").body, { "id": 2, "name": "Wool" });
    WEFT_CHECK_EQ(weft_test_get(&app, "/items/3").status, 404);
}

WEFT_TEST(routers_stand_in_routers_and_take_their_parameters)
{
    WEFT_CHECK_JSON(weft_test_get(&app, "/users/ada/").body, { "name": "ada" });
    WEFT_CHECK_JSON(weft_test_get(&app, "/users/ada/notes/3").body, { "user": "ada", "number": 3 });
    WEFT_CHECK_EQ(weft_test_get(&app, "/users/ada/notes/x").status, 422);
}
