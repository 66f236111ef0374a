/*
 * person.c - persons: index, export, erasure.
 */
#include "kernel/access/person_priv.h"

static const struct field person_fields[] = {F(person_row, person),     F(person_row, wrapped),
                                             F(person_row, generation), F(person_row, created_ms),
                                             F(person_row, erased_ms),  F_END};
const struct table person_table = TABLE("kernel_person", person_row, person_fields, 1);

struct index_row {
    struct str hash, person;
};
static const struct field index_fields[] = {F(index_row, hash), F(index_row, person), F_END};
static const struct table index_table = TABLE("kernel_person_index", index_row, index_fields, 2);

const struct field person_data_fields[] = {
    F(person_data, person), F_TIME(person_data, sealed_since_ms, "sealed_since"),
    F_TIME(person_data, erased_ms, "erased_at"),
    F_JSON(person_data, modules, .doc = "By module: what it keeps of the person, readable."),
    F_END};

const struct field person_erased_fields[] = {F(person_erased, person),
                                             F_TIME(person_erased, erased_ms, "erased_at"), F_END};

/* ---- Index ---- */

static enum err blind(struct cx *cx, const char *kind, struct str value, struct str *hash)
{
    *hash = person_blind(cx, kind, value);
    if (!hash->ptr)
        return fail(cx, ERR_INTERNAL, "no_master_key",
                    "personal data cannot be indexed: start the server with GREVY_MASTER_KEY or a"
                    " key file");
    return OK;
}

enum err person_index_put(struct cx *cx, const char *kind, struct str value, struct str person)
{
    struct index_row row = {.person = cx_copy(cx, person)};

    assert(cx_can_write(cx));
    TRY(person_check(cx, person));
    TRY(blind(cx, kind, value, &row.hash));
    TRY(vault_prove(cx));
    return row_put(cx, &index_table, &row);
}

struct found_person {
    struct str person; /* Alone: a list of these is a list of struct str. */
};
static const struct field found_fields[] = {F(found_person, person), F_END};

enum err person_index_find(struct cx *cx, const char *kind, struct str value, struct list *persons)
{
    struct str hash;

    TRY(blind(cx, kind, value, &hash));
    return sql_all(cx, found_fields, sizeof(struct found_person), persons,
                   "select person from kernel_person_index where hash = ?1 order by person"
                   " limit ?2",
                   BIND(TEXT(hash), INT(PERSON_INDEX_MAX)));
}

/* ---- Export ---- */

static enum err modules_data(struct cx *cx, struct str person, struct str *json)
{
    struct json_out out;

    json_open(&out, cx, 4096);
    json_object(&out);
    for (const struct module *const *m = cx->space->platform->modules; *m; m++) {
        if (!(*m)->person_export)
            continue;
        json_key(&out, str_of((*m)->name));
        TRY((*m)->person_export(cx, person, &out));
    }
    json_object_end(&out);
    *json = json_done(&out);
    return OK;
}

enum err person_export(struct cx *cx, struct str person, struct json_out *out)
{
    struct person_row row = {.person = person};
    struct person_data data = {.person = person};
    bool found;

    TRY(person_check(cx, person));
    TRY(row_find(cx, &person_table, &row, &found));
    data.sealed_since_ms = row.wrapped.len > 0 ? row.created_ms : 0;
    data.erased_ms = row.erased_ms;
    TRY(modules_data(cx, person, &data.modules));
    field_write(out, person_data_fields, &data);
    return OK;
}

/* ---- Erasure ---- */

static enum err drop_key(struct cx *cx, struct person_row *row)
{
    TRY(sql_run(cx, NULL, "delete from kernel_person_index where person = ?1",
                BIND(TEXT(row->person))));
    if (row->erased_ms && row->wrapped.len == 0)
        return OK; /* Done before. */
    row->wrapped = STR("");
    row->erased_ms = cx->now_ms;
    TRY(row_put(cx, &person_table, row));
    return event_put(cx, "person.erased", row->person, person_erased_fields,
                     &(struct person_erased){row->person, row->erased_ms});
}

enum err person_erase(struct cx *cx, struct str person, struct person_erased *out)
{
    struct person_row row = {.person = cx_copy(cx, person), .wrapped = STR("")};
    bool found;

    assert(cx_can_write(cx));
    TRY(person_check(cx, person));
    for (const struct module *const *m = cx->space->platform->modules; *m; m++)
        if ((*m)->person_erase)
            TRY((*m)->person_erase(cx, person));
    TRY(row_find(cx, &person_table, &row, &found));
    TRY(drop_key(cx, &row));
    *out = (struct person_erased){row.person, row.erased_ms};
    return OK;
}
