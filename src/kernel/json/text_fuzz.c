/*
 * text_fuzz.c - any text as a number, an id or a time.
 *
 * Checked: what is read and written again is the text it was (a time: the same instant), and a text
 * has one reading.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/id.h"
#include "kernel/json/field.h"
#include "test/kit/fuzz.h"

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "broken promise: %s\n", what);
    abort();
}

static void check_number(struct str text)
{
    char written[32];
    int64_t n;

    if (!str_int(text, &n))
        return;
    snprintf(written, sizeof(written), "%" PRId64, n);
    /* Zeros in front and the sign of zero are forgotten. */
    while (text.len > 1 && (text.ptr[0] == '0' || text.ptr[0] == '-'))
        text = (struct str){text.ptr + 1, text.len - 1};
    must(str_eq(text, str_of(written + (written[0] == '-'))), "a number is its digits");
}

static void check_id(struct str text)
{
    char written[ID_PREFIX_LEN_MAX + 1 + ID_TEXT_LEN + 1];
    int64_t id;

    if (!id_parse(text, "ord", &id))
        return;
    must(id > 0, "an id is positive");
    must(id_time_ms(id) >= ID_EPOCH_MS, "an id has a time");
    id_format(written, "ord", id);
    must(str_eq(text, str_of(written)), "an id has one text");
}

static void check_time(struct str text)
{
    char written[TIME_TEXT_LEN + 1];
    int64_t ms, again;

    if (!time_parse(text, &ms))
        return;
    time_format(written, ms);
    must(strlen(written) == TIME_TEXT_LEN, "a time has 24 letters");
    must(time_parse(str_of(written), &again) && again == ms, "a time is its instant");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};

    check_number(text);
    check_id(text);
    check_time(text);
    return 0;
}
