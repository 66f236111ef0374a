/*
 * builtin.c - signatures, and those of the operators, which run.c carries out itself.
 */
#include "kernel/rule/builtin.h"

static const struct rule_row OPS[] = {
    {"_?_:_", false, "bAA:A", NULL},
    {"_||_", false, "bb:b", NULL},
    {"_&&_", false, "bb:b", NULL},
    {"!_", false, "b:b", NULL},
    {"-_", false, "i:i", NULL},
    {"-_", false, "d:d", NULL},
    {"_==_", false, "AA:b", NULL},
    {"_!=_", false, "AA:b", NULL},
#define ORDERED(name_)                                                                             \
    {name_, false, "bb:b", NULL}, {name_, false, "ii:b", NULL}, {name_, false, "uu:b", NULL},      \
        {name_, false, "dd:b", NULL}, {name_, false, "ss:b", NULL}, {name_, false, "yy:b", NULL},  \
        {name_, false, "tt:b", NULL},                                                              \
    {                                                                                              \
        name_, false, "rr:b", NULL                                                                 \
    }
    ORDERED("_<_"),
    ORDERED("_<=_"),
    ORDERED("_>_"),
    ORDERED("_>=_"),
#undef ORDERED
    {"@in", false, "ALA:b", NULL},
    {"@in", false, "AMAB:b", NULL},
    {"_+_", false, "ii:i", NULL},
    {"_+_", false, "uu:u", NULL},
    {"_+_", false, "dd:d", NULL},
    {"_+_", false, "ss:s", NULL},
    {"_+_", false, "yy:y", NULL},
    {"_+_", false, "LALA:LA", NULL},
    {"_+_", false, "tr:t", NULL},
    {"_+_", false, "rt:t", NULL},
    {"_+_", false, "rr:r", NULL},
    {"_-_", false, "ii:i", NULL},
    {"_-_", false, "uu:u", NULL},
    {"_-_", false, "dd:d", NULL},
    {"_-_", false, "tt:r", NULL},
    {"_-_", false, "tr:t", NULL},
    {"_-_", false, "rr:r", NULL},
    {"_*_", false, "ii:i", NULL},
    {"_*_", false, "uu:u", NULL},
    {"_*_", false, "dd:d", NULL},
    {"_/_", false, "ii:i", NULL},
    {"_/_", false, "uu:u", NULL},
    {"_/_", false, "dd:d", NULL},
    {"_%_", false, "ii:i", NULL},
    {"_%_", false, "uu:u", NULL},
    {"_[_]", false, "LAi:A", NULL},
    {"_[_]", false, "MABA:B", NULL},
    {"_[_]", false, "OLAi:OA", NULL},
    {"_[_]", false, "OMABA:OB", NULL},
    {"_[?_]", false, "LAi:OA", NULL},
    {"_[?_]", false, "MABA:OB", NULL},
    {"_[?_]", false, "OLAi:OA", NULL},
    {"_[?_]", false, "OMABA:OB", NULL},
};

const struct rule_rows rule_op_rows = RULE_ROWS(OPS);

const struct rule_rows *const rule_builtins[] = {
    &rule_convert_rows, &rule_text_rows, &rule_search_rows, &rule_format_rows,   &rule_math_rows,
    &rule_list_rows,    &rule_time_rows, &rule_net_rows,    &rule_optional_rows, NULL};

static const struct {
    char letter;
    enum rule_kind kind;
    const struct rule_type *type;
} LETTERS[] = {
    {'n', RULE_NULL, &rule_null},         {'b', RULE_BOOL, &rule_bool},
    {'i', RULE_INT, &rule_int},           {'u', RULE_UINT, &rule_uint},
    {'d', RULE_DOUBLE, &rule_double},     {'s', RULE_STRING, &rule_string},
    {'y', RULE_BYTES, &rule_bytes},       {'t', RULE_TIMESTAMP, &rule_timestamp},
    {'r', RULE_DURATION, &rule_duration}, {'I', RULE_IP, &rule_ip},
    {'C', RULE_CIDR, &rule_cidr},         {'L', RULE_LIST, &rule_list},
    {'M', RULE_MAP, &rule_map},           {'T', RULE_TYPE, &rule_meta},
    {'O', RULE_OPTIONAL, &rule_optional},
};

static size_t letter_of(char letter)
{
    size_t k = 0;

    while (k < sizeof(LETTERS) / sizeof(LETTERS[0]) && LETTERS[k].letter != letter)
        k++;
    return k;
}

const struct rule_type *rule_signature_type(struct arena *arena, const char **at,
                                            const struct rule_type *const vars[2])
{
    const struct rule_type *first;
    char letter = *(*at)++;

    switch (letter) {
    case '*':
        return &rule_dyn;
    case 'A':
    case 'B':
        return vars[letter - 'A'];
    case 'L':
        return rule_list_of(arena, rule_signature_type(arena, at, vars));
    case 'T':
        return rule_type_of(arena, rule_signature_type(arena, at, vars));
    case 'O':
        return rule_optional_of(arena, rule_signature_type(arena, at, vars));
    case 'M':
        first = rule_signature_type(arena, at, vars);
        return rule_map_of(arena, first, rule_signature_type(arena, at, vars));
    default:
        return LETTERS[letter_of(letter)].type;
    }
}

static const char *skip_type(const char *at)
{
    char letter = *at++;

    if (letter == 'M')
        return skip_type(skip_type(at));
    return letter == 'L' || letter == 'T' || letter == 'O' ? skip_type(at) : at;
}

uint32_t rule_signature_kinds(const char *signature, uint8_t kinds[RULE_ARGS_MAX])
{
    uint32_t count = 0;

    for (const char *at = signature; *at != ':'; at = skip_type(at)) {
        size_t k = letter_of(*at);

        kinds[count++] =
            (uint8_t)(k < sizeof(LETTERS) / sizeof(LETTERS[0]) ? LETTERS[k].kind : RULE_KINDS);
    }
    return count;
}

uint32_t rule_signature_count(const char *signature)
{
    uint8_t kinds[RULE_ARGS_MAX];

    return rule_signature_kinds(signature, kinds);
}

enum rule_kind rule_kind_of(const struct rule_type *type)
{
    if (type->kind == RULE_T_OBJECT)
        return RULE_OBJECT;
    for (size_t k = 0; k < sizeof(LETTERS) / sizeof(LETTERS[0]); k++)
        if (LETTERS[k].type->kind == type->kind && str_eq(LETTERS[k].type->name, type->name))
            return LETTERS[k].kind;
    return RULE_KINDS;
}
