/* What is done when a request has been answered: a welcome that is written later, and a clean-up behind it. Try it:
 *
 *     curl -X POST 'localhost:8000/signup/?email=ada@example.org'  */
#include <weft.h>

WEFT_MODEL(Welcome, field(weft_str, email), list(weft_str, topics));
WEFT_MODEL(Message, field(weft_str, message));
WEFT_INPUT(signup_in, query(weft_str, email, .format = WEFT_EMAIL));

static int count_mail(const weft_none *in)
{
    (void)in;
    return weft_file_append("count.txt", WEFT_S("1\n"));
}

static int send_welcome(const Welcome *in)
{
    WEFT_TRY(weft_sleep_ms(2000));                   /* a mail server that takes its time */
    weft_str line = weft_format("%.*s: welcome, here is news of %.*s\n", WEFT_FMT(in->email), WEFT_FMT(in->topics.items[0]));
    WEFT_TRY(weft_file_append("mail.txt", line));
    return weft_background(weft_none, count_mail, NULL);
}

static int signup(const signup_in *in, Message *out)
{
    Welcome welcome = { .email = in->email };
    weft_push(&welcome.topics, WEFT_S("looms"));
    WEFT_TRY(weft_background(Welcome, send_welcome, &welcome, .timeout_ms = 60000));
    out->message = WEFT_S("You will hear from us");
    return 0;
}

const weft_app app = { .routes = WEFT_ROUTES(WEFT_POST("/signup/", signup, signup_in, Message)) };

int main(void) { return weft_serve(&app, .background_ms = 20000); }
