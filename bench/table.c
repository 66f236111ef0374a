/*
 * table.c - a decision by a table of 1,000 rows and 6 inputs, the first hit, through table_eval;
 * beside a loop in C over the same rows that compares field by field, with no index.
 *
 *   table
 *
 * Four columns of texts that must be equal, two of ranges of numbers; the last row matches whatever
 * is asked.  Both sides take turns; one line of JSON with the medians over the rounds: ours_us,
 * loop_us (of a decision), rows_seen (by the loop, on average).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/table/table.h"

enum { ROWS = 1000, TEXTS = 4, CASES = 256, ROUNDS = 31, TURNS = 40, BYTES_MAX = 64 << 20 };
static const unsigned choices[TEXTS] = {30, 5, 20, 6};

static struct {
    char texts[TEXTS][16];
    int64_t amount_from, amount_to, age_to;
} rows[ROWS];
static struct {
    char texts[TEXTS][16];
    int64_t amount, age;
} cases[CASES];
static struct rule_value values[CASES][TEXTS + 2];
static unsigned dice = 1;

static unsigned roll(unsigned below)
{
    dice = dice * 1664525 + 1013904223;
    return (dice >> 8) % below;
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *all)
{
    qsort(all, ROUNDS, sizeof(*all), by_value);
    return all[ROUNDS / 2];
}

static void make_rows(void)
{
    for (int k = 0; k < ROWS; k++) {
        for (int c = 0; c < TEXTS; c++)
            snprintf(rows[k].texts[c], sizeof(rows[k].texts[c]), "v%u", roll(choices[c]));
        rows[k].amount_from = roll(900);
        rows[k].amount_to = rows[k].amount_from + 1 + roll(400);
        rows[k].age_to = 20 + roll(60);
    }
    for (int k = 0; k < CASES; k++) {
        for (int c = 0; c < TEXTS; c++) {
            snprintf(cases[k].texts[c], sizeof(cases[k].texts[c]), "v%u", roll(choices[c]));
            values[k][c] = rule_of_text(str_of(cases[k].texts[c]));
        }
        cases[k].amount = roll(1300);
        cases[k].age = roll(90);
        values[k][TEXTS] = rule_of_int(cases[k].amount);
        values[k][TEXTS + 1] = rule_of_int(cases[k].age);
    }
}

static struct str document(struct cx *cx)
{
    struct text text = {.ptr = cx_alloc(cx, 1 << 18), .size = 1 << 18};

    text_addf(&text, "{\"inputs\":[");
    for (int c = 0; c < TEXTS; c++)
        text_addf(&text, "{\"name\":\"t%d\",\"type\":\"string\"},", c);
    text_addf(&text, "{\"name\":\"amount\",\"type\":\"int\"},{\"name\":\"age\",\"type\":\"int\"}],"
                     "\"outputs\":[{\"name\":\"row\",\"type\":\"int\"}],\"rows\":[");
    for (int k = 0; k < ROWS - 1; k++) {
        text_addf(&text, "{\"when\":[");
        for (int c = 0; c < TEXTS; c++)
            text_addf(&text, "\"%s\",", rows[k].texts[c]);
        text_addf(&text, "\"[%lld..%lld)\",\"<= %lld\"],\"then\":[%d]},",
                  (long long)rows[k].amount_from, (long long)rows[k].amount_to,
                  (long long)rows[k].age_to, k);
    }
    text_addf(&text, "{\"when\":[\"\",\"\",\"\",\"\",\"\",\"\"],\"then\":[%d]}]}", ROWS - 1);
    if (text.cut)
        exit(1);
    return (struct str){text.ptr, text.len};
}

static int first(int asked)
{
    int row = 0;

    for (; row < ROWS - 1; row++) {
        bool holds = cases[asked].amount >= rows[row].amount_from &&
                     cases[asked].amount < rows[row].amount_to &&
                     cases[asked].age <= rows[row].age_to;

        for (int c = 0; c < TEXTS && holds; c++)
            holds = strcmp(cases[asked].texts[c], rows[row].texts[c]) == 0;
        if (holds)
            break;
    }
    return row;
}

static double loop(int64_t *seen)
{
    double begin = now_us();

    for (int turn = 0; turn < TURNS; turn++)
        for (int k = 0; k < CASES; k++)
            *seen += first(k) + 1;
    return (now_us() - begin) / (TURNS * CASES);
}

static double ours(struct cx *cx, const struct table *table)
{
    double begin = now_us();

    for (int turn = 0; turn < TURNS; turn++)
        for (int k = 0; k < CASES; k++) {
            struct table_answer answer;

            cx_reset(cx);
            if (table_eval(cx, table, values[k], NULL, &answer) != OK || answer.count != 1)
                exit(1);
        }
    return (now_us() - begin) / (TURNS * CASES);
}

/* Both find the same rows, or there is nothing to compare. */
static void agree(struct cx *cx, const struct table *table)
{
    for (int k = 0; k < CASES; k++) {
        struct table_answer answer;

        cx_reset(cx);
        if (table_eval(cx, table, values[k], NULL, &answer) != OK ||
            answer.outputs[0].i != first(k)) {
            fprintf(stderr, "table: another row than the loop's: %s\n", cx->problem.detail);
            exit(1);
        }
    }
}

int main(void)
{
    static double ours_us[ROUNDS], loop_us[ROUNDS];
    const struct table *table;
    int64_t seen = 0;
    struct json json;
    struct arena keep;
    struct cx cx, call;

    cx_open(&cx, env_system(), BYTES_MAX);
    cx_open(&call, env_system(), BYTES_MAX);
    arena_init(&keep, BYTES_MAX);
    make_rows();
    if (json_parse(&cx, document(&cx), &json) != OK ||
        table_compile(&cx, &keep, NULL, json, &table) != OK) {
        fprintf(stderr, "table: %s %s\n", cx.problem.pointer, cx.problem.detail);
        return 1;
    }
    agree(&call, table);
    for (int k = 0; k < ROUNDS; k++) {
        ours_us[k] = ours(&call, table);
        loop_us[k] = loop(&seen);
    }
    printf("{\"ours_us\":%.3f,\"loop_us\":%.3f,\"rows_seen\":%.0f}\n", median(ours_us),
           median(loop_us), (double)seen / ((double)ROUNDS * TURNS * CASES));
    return 0;
}
