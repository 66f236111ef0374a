#!/usr/bin/env bash
# selftest.sh - the test runner reports what it must: each way to fail is a failure, and only that.
set -euo pipefail
cd "$(dirname "$0")/../.."

dir=$(mktemp -d "${TMPDIR:-/tmp}/grevy_selftest.XXXXXX")
trap 'rm -rf "$dir"' EXIT

cat >"$dir/sample.c" <<'SAMPLE'
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "test/kit/test.h"

static volatile int one = 1;
static char *volatile kept;

TEST(passes, "it passes")
{
    CHECK(one == 1);
    CHECK_EQ_INT(one, 1);
    CHECK_EQ_STR("a", "a");
    CHECK_EQ_STR(NULL, NULL);
    CHECK_EQ_TEXT(((struct str){"ab", 2}), "ab");
    CHECK(access(test_dir(), W_OK) == 0);
}
TEST(fails, "it fails") { CHECK(one == 2); puts("unreachable"); }
TEST(fails_int, "numbers differ") { CHECK_EQ_INT(one + 41, 7); }
TEST(fails_str, "texts differ") { CHECK_EQ_STR("left text", "right text"); }
TEST(fails_null, "a text is not NULL") { CHECK_EQ_STR("left text", NULL); }
TEST(fails_bytes, "a prefix is not the text") { CHECK_EQ_TEXT(((struct str){"abc", 3}), "ab"); }
TEST(fails_say, "it says why") { CHECK_SAY(one == 2, "one is %d", one); }
TEST(crashes, "it crashes") { raise(SIGSEGV); }
TEST(aborts, "it aborts") { abort(); }
TEST(hangs, "it hangs") { for (;;) pause(); }
TEST(leaves, "it leaves before its end") { exit(0); }
TEST(leaks, "it leaks") { kept = malloc(100); kept = NULL; }
TEST(overruns, "it reads too far") { volatile char *p = calloc(3, 1); p[3 * one] = 1; }
TEST(overflows, "it overflows") { volatile int big = 2147483647; big += one; }
TEST(skips, "it is skipped") { test_skip("nothing to test"); }
TEST(is_slow, "it is slow", .slow = true) { CHECK(one); }
TEST_DB(both, "it runs on both") { CHECK_EQ_STR(db, strchr(db, ':') ? "postgresql://x" : "sqlite"); }
TEST(orphans, "its processes die with it") { if (fork() == 0) { for (;;) pause(); } }
SAMPLE

gcc -std=gnu11 -I. -Isrc -Wall -Werror -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
    "$dir/sample.c" test/kit/runner.c test/kit/check.c -o "$dir/sample"

export TMPDIR=$dir
failed=0

# expect NAME PATTERN: a line of the output matches.
expect()
{
    if grep -qE -- "$2" "$dir/out"; then
        echo "ok runner: $1"
    else
        echo "not ok runner: $1: no line matches $2"
        failed=1
    fi
}

refuse()
{
    if grep -qE -- "$2" "$dir/out"; then
        echo "not ok runner: $1: a line matches $2"
        failed=1
    else
        echo "ok runner: $1"
    fi
}

status=0
GREVY_TEST_PG=postgresql://x "$dir/sample" --limit 2 >"$dir/out" 2>&1 || status=$?
echo "exit status $status" >>"$dir/out"
expect "a passing test passes" '^ok [0-9]+ - it passes$'
expect "a failed check fails" '^not ok [0-9]+ - it fails$'
expect "a failed check says where and what" 'sample\.c:[0-9]+: one == 2 is false'
refuse "nothing runs after a failed check" 'unreachable'
expect "both numbers are printed" 'left: +42'
expect "both texts are printed" 'right: "right text"'
expect "NULL is no text" '^not ok [0-9]+ - a text is not NULL$'
expect "a prefix is not equal" '^not ok [0-9]+ - a prefix is not the text$'
expect "a reason is printed" 'one is 1'
expect "a crash fails" '^not ok [0-9]+ - it crashes$'
expect "an abort fails" '^not ok [0-9]+ - it aborts$'
expect "a hang fails" '^not ok [0-9]+ - it hangs$'
expect "a hang is killed after its limit" 'did not end within 2 s: killed'
expect "exit(0) in the middle fails" '^not ok [0-9]+ - it leaves before its end$'
expect "a leak fails" '^not ok [0-9]+ - it leaks$'
expect "a read out of bounds fails" '^not ok [0-9]+ - it reads too far$'
expect "undefined behaviour fails" '^not ok [0-9]+ - it overflows$'
expect "a skipped test is counted" '^skip [0-9]+ - it is skipped$'
expect "a database test runs on SQLite" '^ok [0-9]+ - it runs on both \[sqlite\]$'
expect "a database test runs on PostgreSQL" '^ok [0-9]+ - it runs on both \[postgres\]$'
expect "the counts add up" '^5 passed, 13 failed, 1 skipped$'
expect "failures give a failing status" '^exit status 1$'

"$dir/sample" --filter "runs on" >"$dir/out" 2>&1
expect "without a cluster PostgreSQL is skipped" '^skip [0-9]+ - it runs on both \[postgres\]$'
expect "a filter chooses" '^1 passed, 0 failed, 1 skipped$'
"$dir/sample" --filter "is slow" --quick >"$dir/out" 2>&1
expect "quick leaves slow tests out" '^0 passed, 0 failed, 0 skipped$'
"$dir/sample" --db postgres --filter passes >"$dir/out" 2>&1
expect "the PostgreSQL run leaves out what needs no database" '^0 passed, 0 failed, 0 skipped$'
"$dir/sample" --jobs none >"$dir/out" 2>&1 || echo "exit status $?" >>"$dir/out"
expect "a wrong option is refused" '^exit status 2$'

find "$dir" -name 'grevy_test.*' >"$dir/out"
refuse "no directory is left behind" .
find /proc/[0-9]*/exe -lname "$dir/sample*" >"$dir/out" 2>/dev/null || true
refuse "no process is left behind" .
exit $failed
