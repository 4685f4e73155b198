/* What a model may say of a table, and what it is told. */
#include "model/table.h"
#include <stdio.h>
#include <string.h>
#include "model/plan.h"
#include "reading.h"

typedef struct faults { char text[4096]; int count; } faults;

static void note(void *ctx, const char *text)
{
    faults *f = ctx;
    size_t used = strlen(f->text);
    snprintf(f->text + used, sizeof f->text - used, "%s%s", f->count++ ? "\n" : "", text);
}

static void faults_of(const weft_schema *schema, const char *expected)
{
    faults f = { .count = 0 };
    weft__schema_book book = { 0 };
    int rc = weft__schema_check(&book, schema, note, &f);
    WEFT_CHECK_EQ(rc, f.count);
    WEFT_CHECK_STR(weft_str_of(f.text), expected);
    weft__schema_book_free(&book);
}

WEFT_MODEL(Team, table("teams"), field(int, id), field(weft_str, name), key(id), unique(name));
WEFT_MODEL(Contact, field(weft_str, email));
WEFT_MODEL(Person, table("people"), field(int64_t, id), embed(Contact, contact), opt(int64_t, team_id), opt(int64_t, boss), hidden(weft_str, hash), no_extra(),
    key(id), unique(contact.email), index(team_id, id), reference(team_id, Team, .on_delete = WEFT_SET_NULL), reference(boss, Person));

WEFT_TEST(sound_tables_have_no_faults_and_are_models_as_before)
{
    const weft__plan *plan;
    faults_of(&weft_schema_Person, "");
    WEFT_NEED(weft__plan_of(&weft_schema_Person, &plan) == 0);
    WEFT_CHECK_EQ(plan->count, 4);
    WEFT_CHECK(weft__schema_same(&weft_schema_Person, &weft_schema_Person));
    weft__model_forget();
}

WEFT_MODEL(NoTable, field(int, id), key(id));
WEFT_MODEL(NoKey, table("no_key"), field(int, id));
WEFT_MODEL(TwoKeys, table("two"), table("names"), field(int, id), field(int, other), key(id), key(other));

WEFT_TEST(a_table_has_one_name_and_one_key)
{
    faults_of(&weft_schema_NoTable, "NoTable: key(id) speaks of a table, and there is no table(\"...\")");
    faults_of(&weft_schema_NoKey, "NoKey: a table has a key, by which its rows are found: key(id)");
    faults_of(&weft_schema_TwoKeys, "TwoKeys: table is said twice; a table has one\nTwoKeys: key is said twice; a table has one");
    weft__model_forget();
}

WEFT_MODEL(Empty, table(""), field(int, id), key(id));
WEFT_MODEL(Evil, table("a; DROP TABLE b"), field(int, id), key(id));
WEFT_MODEL(Digit, table("1a"), field(int, id), key(id));

WEFT_TEST(a_name_that_is_none_is_a_fault)
{
    faults_of(&weft_schema_Empty, "Empty: table(\"\"): a name has letters, digits and '_', begins with no digit, and at most 63 characters");
    faults_of(&weft_schema_Evil, "Evil: table(\"a; DROP TABLE b\"): a name has letters, digits and '_', begins with no digit, and at most 63 characters");
    faults_of(&weft_schema_Digit, "Digit: table(\"1a\"): a name has letters, digits and '_', begins with no digit, and at most 63 characters");
    weft__model_forget();
}

WEFT_MODEL(Keys, table("keys"), opt(int, maybe), list(int, many), field(weft_json, any), embed(Contact, contact), field(int, id),
    key(maybe, id), unique(many), index(any), unique(contact), index(id, maybe, id), index(id), index(id));

WEFT_TEST(columns_that_are_looked_for_are_single_values_each_once)
{
    faults_of(&weft_schema_Keys,
        "Keys: key(maybe, id): 'maybe' may be NULL; a key is a field that is always there\n"
        "Keys: unique(many): 'many' is kept as JSON, and is not compared\n"
        "Keys: index(any): 'any' is kept as JSON, and is not compared\n"
        "Keys: unique(contact): 'contact' is no column; a column is a field, opt, hidden or ref, also of an embedded model\n"
        "Keys: index(id, maybe, id): 'id' is there twice\n"
        "Keys: index(id) is said twice");
    weft__model_forget();
}

WEFT_MODEL(Pair, table("pairs"), field(int, a), field(int, b), key(a, b));
WEFT_MODEL(Points, table("points"), field(int, id), field(weft_str, team), field(int, here), opt(int, there), key(id),
    reference(team, Team), reference(here, Contact), reference(there, Pair), reference(id, Team, .on_delete = WEFT_SET_NULL));

WEFT_TEST(a_reference_is_to_the_one_key_of_a_table_and_of_its_type)
{
    faults_of(&weft_schema_Points,
        "Points: reference(team, Team): its type is weft_str, and that of Team.id is int\n"
        "Points: reference(here, Contact): Contact is no table; say table(\"...\") and key(...) in it\n"
        "Points: reference(there, Pair): the key of Pair is not one column\n"
        "Points: reference(id, Team): .on_delete = WEFT_SET_NULL, and 'id' cannot be NULL; make it an opt");
    weft__model_forget();
}

WEFT_MODEL(Twice, table("twice"), field(int, id), field(int, Email), embed(Contact, contact), extra(weft_json, rest), key(id));

WEFT_TEST(what_no_table_can_keep_is_a_fault)
{
    faults_of(&weft_schema_Twice,
        "Twice: two members are a column 'email', those of embedded models included\n"
        "Twice: extra: a table has no column for keys that nobody knows; keep them in a map");
    weft__model_forget();
}

WEFT_MODEL(FaultyTeam, table("faulty"), field(int, id));
WEFT_MODEL(Member, table("members"), field(int, id), field(int, team), key(id), reference(team, FaultyTeam));

WEFT_TEST(tables_that_are_referred_to_are_looked_at_too)
{
    faults_of(&weft_schema_Member,
        "Member: reference(team, FaultyTeam): the key of FaultyTeam is not one column\n"
        "FaultyTeam: a table has a key, by which its rows are found: key(id)");
    weft__model_forget();
}
