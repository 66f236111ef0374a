/*
 * ecma_property.c - general categories have long names that PCRE2 lacks; scripts and binary
 * properties are asked of PCRE2 itself.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "kernel/schema/ecma_property.h"

#include <pcre2.h>
#include <stdio.h>
#include <string.h>

/* Unicode's PropertyValueAliases.txt, gc. */
static const struct {
    const char *name, *is;
} CATEGORIES[] = {
    {"Cased_Letter", "L&"},
    {"LC", "L&"},
    {"Close_Punctuation", "Pe"},
    {"Connector_Punctuation", "Pc"},
    {"Control", "Cc"},
    {"cntrl", "Cc"},
    {"Currency_Symbol", "Sc"},
    {"Dash_Punctuation", "Pd"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Enclosing_Mark", "Me"},
    {"Final_Punctuation", "Pf"},
    {"Format", "Cf"},
    {"Initial_Punctuation", "Pi"},
    {"Letter", "L"},
    {"Letter_Number", "Nl"},
    {"Line_Separator", "Zl"},
    {"Lowercase_Letter", "Ll"},
    {"Mark", "M"},
    {"Combining_Mark", "M"},
    {"Math_Symbol", "Sm"},
    {"Modifier_Letter", "Lm"},
    {"Modifier_Symbol", "Sk"},
    {"Nonspacing_Mark", "Mn"},
    {"Number", "N"},
    {"Open_Punctuation", "Ps"},
    {"Other", "C"},
    {"Other_Letter", "Lo"},
    {"Other_Number", "No"},
    {"Other_Punctuation", "Po"},
    {"Other_Symbol", "So"},
    {"Paragraph_Separator", "Zp"},
    {"Private_Use", "Co"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Spacing_Mark", "Mc"},
    {"Surrogate", "Cs"},
    {"Symbol", "S"},
    {"Titlecase_Letter", "Lt"},
    {"Unassigned", "Cn"},
    {"Uppercase_Letter", "Lu"},
};
static const char CATEGORY_CODES[] =
    " C Cc Cf Cn Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc "
    "Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs ";

static bool category(struct str name, char out[ECMA_PROPERTY_LEN_MAX])
{
    char code[8];

    for (size_t k = 0; k < sizeof(CATEGORIES) / sizeof(CATEGORIES[0]); k++) {
        if (str_is(name, CATEGORIES[k].name)) {
            snprintf(out, ECMA_PROPERTY_LEN_MAX, "%s", CATEGORIES[k].is);
            return true;
        }
    }
    if (name.len == 0 || name.len > 2)
        return false;
    snprintf(code, sizeof(code), " " STR_FMT " ", STR_ARG(name));
    if (!strstr(CATEGORY_CODES, code))
        return false;
    snprintf(out, ECMA_PROPERTY_LEN_MAX, STR_FMT, STR_ARG(name));
    return true;
}

/* Does PCRE2 know it? */
static bool known(const char *name)
{
    char pattern[ECMA_PROPERTY_LEN_MAX + 8];
    pcre2_code *code;
    PCRE2_SIZE at;
    int error;

    snprintf(pattern, sizeof(pattern), "\\p{%s}", name);
    code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &error, &at, NULL);
    pcre2_code_free(code);
    return code;
}

static bool plain(struct str name)
{
    for (size_t k = 0; k < name.len; k++) {
        char c = name.ptr[k];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '_')
            return false;
    }
    return name.len > 0 && name.len < ECMA_PROPERTY_LEN_MAX - 8;
}

bool ecma_property(struct str name, char out[ECMA_PROPERTY_LEN_MAX])
{
    struct str value = name, key;

    if (str_cut(&value, '=', &key) && key.len < name.len) {
        if (!plain(value))
            return false;
        if (str_is(key, "General_Category") || str_is(key, "gc"))
            return category(value, out);
        if (str_is(key, "Script") || str_is(key, "sc"))
            snprintf(out, ECMA_PROPERTY_LEN_MAX, "sc:" STR_FMT, STR_ARG(value));
        else if (str_is(key, "Script_Extensions") || str_is(key, "scx"))
            snprintf(out, ECMA_PROPERTY_LEN_MAX, "scx:" STR_FMT, STR_ARG(value));
        else
            return false;
        return known(out);
    }
    if (!plain(name))
        return false;
    if (category(name, out))
        return true;
    /* A script by its name alone is PCRE2's, not ECMA's. */
    snprintf(out, ECMA_PROPERTY_LEN_MAX, "sc:" STR_FMT, STR_ARG(name));
    if (known(out))
        return false;
    snprintf(out, ECMA_PROPERTY_LEN_MAX, STR_FMT, STR_ARG(name));
    return known(out);
}
