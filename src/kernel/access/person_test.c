/*
 * person_test.c - what is sealed opens for its person alone, until the person is erased.
 */
#include "kernel/access/person.h"

#include <dirent.h>

#include "kernel/access/fixture.h"

enum { SEALED_LEN_MAX = 600 };

/* ---- A module that keeps something of persons ---- */

static int asked_to_erase;

static enum err keeps_export(struct cx *cx, struct str person, struct json_out *out)
{
    (void)cx;
    json_list(out);
    json_put_text(out, person);
    json_list_end(out);
    return OK;
}

static enum err keeps_erase(struct cx *cx, struct str person)
{
    if (str_is(person, "unerasable"))
        return fail(cx, ERR_CONFLICT, "test_kept", "not while an order is open");
    asked_to_erase++;
    return OK;
}

static const struct module keeps_module = {
    .name = "keeps", .person_export = keeps_export, .person_erase = keeps_erase};

/* ---- Commands ---- */

struct sealing {
    const char *person, *plain;
    char text[SEALED_LEN_MAX]; /* Sealed by seal, opened by open_it. */
    bool fail_after;
};

static enum err seal(struct cx *cx, void *argument)
{
    struct sealing *sealing = argument;
    struct str sealed;

    TRY(person_seal(cx, str_of(sealing->person), str_of(sealing->plain), &sealed));
    if (sealing->fail_after)
        return fail(cx, ERR_CONFLICT, "test", "after all");
    CHECK(sealed.len < SEALED_LEN_MAX);
    snprintf(sealing->text, SEALED_LEN_MAX, STR_FMT, STR_ARG(sealed));
    return OK;
}

static struct sealing sealed_for(struct fixture *f, const char *person, const char *plain)
{
    struct sealing sealing = {.person = person, .plain = plain};

    COMMAND(f, seal, &sealing, OK);
    return sealing;
}

struct opening {
    const char *person, *sealed;
    char plain[SEALED_LEN_MAX];
};

static enum err open_it(struct cx *cx, void *argument)
{
    struct opening *opening = argument;
    struct str plain;

    TRY(person_open(cx, str_of(opening->person), str_of(opening->sealed), &plain));
    CHECK(plain.len < SEALED_LEN_MAX);
    snprintf(opening->plain, SEALED_LEN_MAX, STR_FMT, STR_ARG(plain));
    return OK;
}

static void check_opens(struct fixture *f, const struct sealing *sealing)
{
    struct opening opening = {sealing->person, sealing->text, ""};

    READ(f, open_it, &opening, OK);
    CHECK_EQ_STR(opening.plain, sealing->plain);
    opening.plain[0] = '\0';
    COMMAND(f, open_it, &opening, OK); /* Likewise inside a command. */
    CHECK_EQ_STR(opening.plain, sealing->plain);
}

static void check_refused(struct fixture *f, const char *person, const char *sealed, enum err err,
                          const char *code)
{
    struct opening opening = {person, sealed, ""};

    READ(f, open_it, &opening, err);
    CHECK_EQ_STR(f->problem.code, code);
    CHECK_EQ_STR(opening.plain, "");
}

static enum err erase(struct cx *cx, void *argument)
{
    struct person_erased erased;

    TRY(person_erase(cx, str_of(argument), &erased));
    CHECK(erased.erased_ms > 0);
    return OK;
}

static enum err erase_and_fail(struct cx *cx, void *argument)
{
    TRY(erase(cx, argument));
    return fail(cx, ERR_CONFLICT, "test", "after all");
}

static char *of(const char *person)
{
    return (char *)person;
}

/* ---- Sealing and opening ---- */

TEST_DB(person_round_trip, "what is sealed for a person opens for that person, and after a restart")
{
    static const char *const plains[] = {"Zhang San", "", "张三", "13800138000", "a\nb\"c"};
    struct fixture *f = fixture_open(db, NULL);
    struct sealing last;

    for (size_t k = 0; k < sizeof(plains) / sizeof(plains[0]); k++) {
        struct sealing again;

        last = sealed_for(f, "u1", plains[k]);
        again = sealed_for(f, "u1", plains[k]);
        check_opens(f, &last);
        check_opens(f, &again);
        CHECK(strcmp(last.text, again.text) != 0); /* Equal values do not show. */
    }
    fixture_restart(f);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    check_opens(f, &last);
    fixture_close(f);
}

static enum err seal_absent(struct cx *cx, void *argument)
{
    struct str sealed, plain;

    (void)argument;
    TRY(person_seal(cx, STR("u1"), (struct str){NULL, 0}, &sealed));
    CHECK(!sealed.ptr);
    TRY(person_open(cx, STR("u1"), sealed, &plain));
    CHECK(!plain.ptr);
    return OK;
}

TEST_DB(person_absent, "an absent text is sealed and opened as an absent text")
{
    struct fixture *f = fixture_open(db, NULL);

    COMMAND(f, seal_absent, NULL, OK);
    fixture_close(f);
}

TEST_DB(person_tampered, "a sealed text that was changed anywhere, or moved, does not open")
{
    struct fixture *f = fixture_open(db, NULL);
    struct sealing one = sealed_for(f, "u1", "Zhang San"), two = sealed_for(f, "u2", "Li Si");
    char changed[SEALED_LEN_MAX];

    for (size_t k = 0; k < strlen(one.text); k++) {
        struct opening opening = {"u1", changed, ""};
        enum err err;

        memcpy(changed, one.text, sizeof(changed));
        changed[k] = changed[k] == 'A' ? 'B' : changed[k] == '1' ? '2' : 'A';
        err = space_read(f->space, open_it, &opening, &f->problem);
        CHECK_SAY(err == ERR_STORAGE, "changed at %zu: %s", k, changed);
        memcpy(changed, one.text, sizeof(changed));
        changed[k] = '\0'; /* Cut off there. */
        err = space_read(f->space, open_it, &opening, &f->problem);
        CHECK_SAY(err == ERR_STORAGE, "cut at %zu: %s", k, changed);
    }
    check_refused(f, "u2", one.text, ERR_STORAGE, "sealed_text_damaged");
    check_refused(f, "u1", two.text, ERR_STORAGE, "sealed_text_damaged");
    check_refused(f, "u3", one.text, ERR_GONE, "no_person_key");
    check_refused(f, "u1", "Zhang San", ERR_STORAGE, "sealed_text_damaged");
    TAMPER(f, "update kernel_person set wrapped ="
              " (select p.wrapped from kernel_person p where p.person = 'u2') where person = 'u1'");
    check_refused(f, "u1", one.text, ERR_STORAGE, "person_key_damaged");
    fixture_close(f);
}

TEST_DB(person_limits, "names of persons and lengths are checked at their edges")
{
    struct fixture *f = fixture_open(db, NULL);
    char name[PERSON_LEN_MAX + 2], plain[PERSON_PLAIN_LEN_MAX + 2];
    struct sealing sealing = {.person = "", .plain = "x"};

    COMMAND(f, seal, &sealing, ERR_BAD_INPUT);
    CHECK_EQ_STR(f->problem.code, "bad_person");
    sealing.person = "a\nb";
    COMMAND(f, seal, &sealing, ERR_BAD_INPUT);
    sealing.person = "a\xff";
    COMMAND(f, seal, &sealing, ERR_BAD_INPUT);
    memset(name, 'n', sizeof(name));
    name[PERSON_LEN_MAX + 1] = '\0';
    sealing.person = name;
    COMMAND(f, seal, &sealing, ERR_BAD_INPUT);
    name[PERSON_LEN_MAX] = '\0';
    COMMAND(f, seal, &sealing, OK);
    memset(plain, 'p', sizeof(plain));
    plain[PERSON_PLAIN_LEN_MAX + 1] = '\0';
    sealing.plain = plain;
    COMMAND(f, seal, &sealing, ERR_TOO_LARGE);
    fixture_close(f);
}

TEST_DB(person_seal_undone, "a key made by a command that failed does not exist")
{
    struct fixture *f = fixture_open(db, NULL);
    struct sealing failing = {.person = "u1", .plain = "Zhang San", .fail_after = true}, good;

    COMMAND(f, seal, &failing, ERR_CONFLICT);
    check_refused(f, "u1", "p1.1.AAAA", ERR_GONE, "no_person_key");
    good = sealed_for(f, "u1", "Zhang San");
    check_opens(f, &good);
    fixture_close(f);
}

/* ---- Erasure ---- */

struct counting {
    const char *sql;
    int64_t count;
};

static enum err count_rows(struct cx *cx, void *argument)
{
    struct counting *counting = argument;

    return sql_int(cx, &counting->count, -1, counting->sql, NO_BINDS);
}

static int64_t count_of(struct fixture *f, const char *sql)
{
    struct counting counting = {.sql = sql};

    READ(f, count_rows, &counting, OK);
    return counting.count;
}

static const char erased_events[] =
    "select count(*) from kernel_outbox where type = 'person.erased' and key = 'u1'";

TEST_DB(person_erased, "an erasure is in force at once and for good, and says so in one event")
{
    struct fixture *f = fixture_open(db, &keeps_module);
    struct sealing one = sealed_for(f, "u1", "Zhang San"), two = sealed_for(f, "u2", "Li Si");

    COMMAND(f, erase_and_fail, of("u1"), ERR_CONFLICT);
    check_opens(f, &one);
    asked_to_erase = 0;
    COMMAND(f, erase, of("u1"), OK);
    CHECK_EQ_INT(asked_to_erase, 1);
    check_refused(f, "u1", one.text, ERR_GONE, "erased");
    check_opens(f, &two);
    CHECK_EQ_INT(count_of(f, erased_events), 1);
    CHECK_EQ_INT(count_of(f, "select count(*) from kernel_person where person = 'u1' and"
                             " wrapped = ''"),
                 1);
    f->now_ms += 1000;
    COMMAND(f, erase, of("u1"), OK); /* Again: modules are asked, no second event. */
    CHECK_EQ_INT(asked_to_erase, 2);
    CHECK_EQ_INT(count_of(f, erased_events), 1);
    fixture_restart(f);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    check_refused(f, "u1", one.text, ERR_GONE, "erased");
    fixture_close(f);
}

TEST_DB(person_comes_back, "who comes back gets a new key; what was erased stays erased")
{
    struct fixture *f = fixture_open(db, NULL);
    struct sealing before = sealed_for(f, "u1", "Zhang San"), after;

    COMMAND(f, erase, of("u1"), OK);
    after = sealed_for(f, "u1", "Zhang San again");
    check_opens(f, &after);
    check_refused(f, "u1", before.text, ERR_GONE, "erased");
    f->now_ms += 1000;
    COMMAND(f, erase, of("u1"), OK);
    check_refused(f, "u1", after.text, ERR_GONE, "erased");
    CHECK_EQ_INT(count_of(f, erased_events), 2);
    fixture_close(f);
}

TEST_DB(person_never_seen, "a person of whom nothing is kept can be erased: modules may know one")
{
    struct fixture *f = fixture_open(db, &keeps_module);

    asked_to_erase = 0;
    COMMAND(f, erase, of("u9"), OK);
    CHECK_EQ_INT(asked_to_erase, 1);
    COMMAND(f, erase, of("unerasable"), ERR_CONFLICT);
    CHECK_EQ_STR(f->problem.code, "test_kept");
    COMMAND(f, erase, of(""), ERR_BAD_INPUT);
    fixture_close(f);
}

/* ---- Index ---- */

struct indexing {
    const char *kind, *value, *person;
    char found[64]; /* Persons with commas. */
    char blind[64];
};

static enum err index_it(struct cx *cx, void *argument)
{
    const struct indexing *indexing = argument;

    return person_index_put(cx, indexing->kind, str_of(indexing->value), str_of(indexing->person));
}

static enum err look_up(struct cx *cx, void *argument)
{
    struct indexing *indexing = argument;
    struct text text = {.ptr = indexing->found, .size = sizeof(indexing->found)};
    struct list persons;
    struct str blind = person_blind(cx, indexing->kind, str_of(indexing->value));

    TRY(person_index_find(cx, indexing->kind, str_of(indexing->value), &persons));
    for (size_t k = 0; k < persons.count; k++)
        text_addf(&text, STR_FMT ",", STR_ARG(*LIST_AT(persons, struct str, k)));
    indexing->found[text.len] = '\0';
    snprintf(indexing->blind, sizeof(indexing->blind), STR_FMT, STR_ARG(blind));
    return OK;
}

static struct indexing looked_up(struct fixture *f, const char *kind, const char *value)
{
    struct indexing indexing = {.kind = kind, .value = value};

    READ(f, look_up, &indexing, OK);
    return indexing;
}

static void put_index(struct fixture *f, const char *kind, const char *value, const char *person)
{
    struct indexing indexing = {.kind = kind, .value = value, .person = person};

    COMMAND(f, index_it, &indexing, OK);
}

TEST_DB(person_index, "a value leads to its persons by its kind, blindly, until they are erased")
{
    struct fixture *f = fixture_open(db, NULL);
    struct indexing phone, name;

    put_index(f, "phone", "13800138000", "u2");
    put_index(f, "phone", "13800138000", "u1");
    put_index(f, "phone", "13800138000", "u1");
    put_index(f, "name", "13800138000", "u3");
    phone = looked_up(f, "phone", "13800138000");
    name = looked_up(f, "name", "13800138000");
    CHECK_EQ_STR(phone.found, "u1,u2,");
    CHECK_EQ_STR(name.found, "u3,");
    CHECK_EQ_INT(strlen(phone.blind), 43);
    CHECK(strcmp(phone.blind, name.blind) != 0);
    CHECK_EQ_STR(looked_up(f, "phone", "13800138000").blind, phone.blind);
    COMMAND(f, erase, of("u1"), OK);
    CHECK_EQ_STR(looked_up(f, "phone", "13800138000").found, "u2,");
    fixture_close(f);
}

/* ---- Export and masks ---- */

static enum err export(struct cx *cx, void *argument) {
    struct json_out out; struct str json;

    json_open(&out, cx, 64);
    TRY(person_export(cx, STR("u1"), &out));
    json = json_done(&out);
    CHECK(json.len < SEALED_LEN_MAX);
    snprintf(argument, SEALED_LEN_MAX, STR_FMT, STR_ARG(json));
    return OK;
}

TEST_DB(person_exported, "an export says since when, what was erased, and what each module keeps")
{
    struct fixture *f = fixture_open(db, &keeps_module);
    char json[SEALED_LEN_MAX];

    (void)sealed_for(f, "u1", "Zhang San");
    READ(f, export, json, OK);
    CHECK_EQ_STR(json, "{\"person\":\"u1\",\"sealed_since\":\"2026-09-27T00:00:00.000Z\","
                       "\"erased_at\":null,\"modules\":{\"keeps\":[\"u1\"]}}");
    COMMAND(f, erase, of("u1"), OK);
    READ(f, export, json, OK);
    CHECK_EQ_STR(json, "{\"person\":\"u1\",\"sealed_since\":null,"
                       "\"erased_at\":\"2026-09-27T00:00:00.000Z\","
                       "\"modules\":{\"keeps\":[\"u1\"]}}");
    fixture_close(f);
}

TEST(person_masks, "a mask shows the first character, whatever its bytes")
{
    struct cx cx;

    cx_open(&cx, env_system(), 1 << 16);
    CHECK_EQ_TEXT(person_mask(&cx, STR("Zhang San")), "Z***");
    CHECK_EQ_TEXT(person_mask(&cx, STR("Z")), "Z***");
    CHECK_EQ_TEXT(person_mask(&cx, STR("张三")), "张***");
    CHECK_EQ_TEXT(person_mask(&cx, STR("\xf0\x9f\x98\x80x")), "\xf0\x9f\x98\x80***");
    CHECK_EQ_TEXT(person_mask(&cx, STR("")), "");
    CHECK(!person_mask(&cx, (struct str){NULL, 0}).ptr);
    cx_close(&cx);
}

/* ---- The master key ---- */

TEST_DB(person_wrong_master, "a space that holds sealed data opens under its own master key only")
{
    struct fixture *f = fixture_open(db, NULL);
    struct sealing one;

    f->master_key[0] ^= 1; /* Nothing was sealed yet: any key will do. */
    fixture_restart(f);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    one = sealed_for(f, "u1", "Zhang San");
    f->master_key[31] ^= 0x80;
    fixture_restart(f);
    CHECK_EQ_INT(fixture_open_space(f), ERR_CONFLICT);
    CHECK_EQ_STR(f->problem.code, "wrong_master_key");
    CHECK_EQ_INT(fixture_open_space(f), ERR_CONFLICT); /* And is not half open. */
    f->master_key[31] ^= 0x80;
    fixture_restart(f);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    check_opens(f, &one);
    fixture_close(f);
}

TEST_DB(person_no_master, "without a master key nothing is sealed, opened or indexed")
{
    struct fixture *f = fixture_open(db, NULL);
    struct sealing one = sealed_for(f, "u1", "Zhang San"), two = {.person = "u1", .plain = "x"};
    struct indexing indexing = {.kind = "phone", .value = "1", .person = "u1"};

    f->without_master_key = true;
    fixture_restart(f);
    CHECK_EQ_INT(fixture_open_space(f), OK);
    COMMAND(f, seal, &two, ERR_INTERNAL);
    CHECK_EQ_STR(f->problem.code, "no_master_key");
    check_refused(f, "u1", one.text, ERR_INTERNAL, "no_master_key");
    COMMAND(f, index_it, &indexing, ERR_INTERNAL);
    READ(f, look_up, &indexing, ERR_INTERNAL);
    COMMAND(f, erase, of("u1"), OK); /* Dropping a key needs none. */
    fixture_close(f);
}

/* Does any file of the directory hold the text? */
static bool lies_in_files(const char *dir, const char *text)
{
    DIR *open_dir = opendir(dir);
    struct dirent *entry;
    bool found = false;

    CHECK(open_dir != NULL);
    while ((entry = readdir(open_dir))) {
        char path[768];
        size_t at = 0;
        FILE *file;
        int c;

        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        while (file && !found && (c = getc(file)) != EOF) {
            at = c == text[at] ? at + 1 : c == text[0] ? 1 : 0;
            found = text[at] == '\0';
        }
        if (file)
            fclose(file);
    }
    closedir(open_dir);
    return found;
}

TEST(person_not_in_files, "nothing readable of a sealed or indexed value lies in the database")
{
    struct fixture *f = fixture_open("sqlite", NULL);

    (void)sealed_for(f, "u1", "Zhang San of Hangzhou");
    put_index(f, "phone", "13800138000", "u1");
    CHECK(lies_in_files(f->data_dir, "u1")); /* The search finds what is there. */
    CHECK(lies_in_files(f->data_dir, "kernel_person_index"));
    CHECK(!lies_in_files(f->data_dir, "Zhang"));
    CHECK(!lies_in_files(f->data_dir, "13800138000"));
    fixture_close(f);
}
