/*
 * escape_test.c - each way out of the sandbox that we know of, by name, and how it ends.
 */
#define _GNU_SOURCE /* memmem */
#include <stdio.h>

#include "kernel/script/script_fixture.h"
#include "test/kit/test.h"

struct attempt {
    const char *name, *body;
    enum script_failure failure; /* FINE: it runs, and its output says that it got nowhere. */
    const char *said;            /* In the error; of FINE, the output t. */
};

static void check_attempt(const struct attempt *attempt)
{
    struct script_fixture f;
    struct script_answer answer;
    struct str out;
    enum err err;

    script_fixture_open(&f);
    f.cx.now_ms = 1;
    err = script_fixture_body(&f, attempt->body);
    CHECK_SAY(err == OK, "%s: does not compile: %s", attempt->name, f.cx.problem.detail);
    out = script_fixture_call(&f, "{\"n\":1}", &answer);
    CHECK_SAY(answer.failure == attempt->failure, "%s: ended with %d: " STR_FMT " " STR_FMT,
              attempt->name, answer.failure, STR_ARG(answer.error), STR_ARG(out));
    if (attempt->failure != SCRIPT_FINE)
        out = answer.error;
    CHECK_SAY(memmem(out.ptr, out.len, attempt->said, strlen(attempt->said)), "%s: said " STR_FMT,
              attempt->name, STR_ARG(out));
    script_fixture_close(&f);
}

#define CHECK_ATTEMPTS(rows)                                                                       \
    for (size_t row = 0; row < sizeof(rows) / sizeof((rows)[0]); row++)                            \
    check_attempt(&(rows)[row])

TEST(script_escape_work, "no loop gets more work than a call is given")
{
    static const struct attempt rows[] = {
        {"while", "while true do end", SCRIPT_SPENT, "work"},
        {"repeat", "repeat until false", SCRIPT_SPENT, "work"},
        {"goto", "::again:: goto again", SCRIPT_SPENT, "work"},
        {"integer for that would overflow",
         "local n = 0 for k = math.maxinteger - 1, math.maxinteger do n = n + 1 end return {n = n}",
         SCRIPT_FINE, "\"n\":2"},
        {"for to the largest integer", "for k = 1, math.maxinteger do end", SCRIPT_SPENT, "work"},
        {"float for that never moves", "for x = 1.0, 2.0, 1e-300 do end", SCRIPT_SPENT, "work"},
        {"pcall around a loop", "pcall(function() while true do end end) return {t = 'out'}",
         SCRIPT_SPENT, "work"},
        {"pcall that catches for ever", "while true do pcall(function() while true do end end) end",
         SCRIPT_SPENT, "work"},
        {"nested pcall that catches for ever",
         "local function f() while true do pcall(pcall, f) end end f()", SCRIPT_SPENT, "work"},
        {"pcall of error", "while true do pcall(error) end", SCRIPT_SPENT, "work"},
        {"a loop in a sort's comparator", "table.sort({3, 2, 1}, function() while true do end end)",
         SCRIPT_SPENT, "work"},
        {"a sort in a sort in a loop",
         "while true do table.sort({3, 2, 1}, function(a, b) table.sort({2, 1}) return a < b end) "
         "end",
         SCRIPT_SPENT, "work"},
        {"inconsistent comparator",
         "local t = {} for k = 1, 100 do t[k] = k end "
         "table.sort(t, function() return true end) return {n = #t}",
         SCRIPT_FINE, "\"n\":100"},
        {"searches in a long text", "local s = ('a'):rep(16000) while true do s:find('b') end",
         SCRIPT_SPENT, "work"},
        {"insertions at the front", "local t = {} while true do table.insert(t, 1, 1) end",
         SCRIPT_SPENT, "work"},
        {"pairs in a loop", "local t = {a = 1} while true do for k in pairs(t) do end end",
         SCRIPT_MEMORY, "bytes"},
        {"iterator that never ends", "for k in function() return 1 end do end", SCRIPT_SPENT,
         "work"},
        {"mutual tail calls", "local f function f() return f() end f()", SCRIPT_SPENT, "work"},
        {"a __close that is none", "local x <close> = {} return {t = 'out'}", SCRIPT_RAISED,
         "non-closable"},
    };

    CHECK_ATTEMPTS(rows);
}

TEST(script_escape_memory, "no bomb gets more memory than a call is given")
{
    static const struct attempt rows[] = {
        {"rep", "return {t = ('a'):rep(1e9 // 1)}", SCRIPT_RAISED, "at most 16384"},
        {"rep whose product overflows", "return {t = ('abcd'):rep(1 << 62)}", SCRIPT_RAISED,
         "at most 16384"},
        {"rep with a separator", "return {t = (''):rep(10000, 'abc')}", SCRIPT_RAISED,
         "at most 16384"},
        {"concatenation", "local s = 'a' while true do s = s .. s end", SCRIPT_MEMORY, "text"},
        {"concatenation behind pcall",
         "local s = 'a' while true do pcall(function() s = s .. s end) end", SCRIPT_MEMORY, "text"},
        {"table", "local t = {} for k = 1, 1e9 do t[k] = k end", SCRIPT_SPENT, "work"},
        {"texts", "local s, t = ('x'):rep(4000), {} while true do t[#t + 1] = s .. #t end",
         SCRIPT_MEMORY, "bytes"},
        {"texts behind pcall",
         "local s, t = ('x'):rep(4000), {} "
         "while true do pcall(function() t[#t + 1] = s .. #t end) end",
         SCRIPT_MEMORY, "bytes"},
        {"garbage", "local s = ('x'):rep(4000) while true do local t = s .. 'y' end", SCRIPT_MEMORY,
         "bytes"},
        {"table.concat",
         "local t = {} for k = 1, 2000 do t[k] = 'abcdefghijkl' end "
         "return {t = table.concat(t)}",
         SCRIPT_RAISED, "at most 16384"},
        {"replace that grows", "return {t = ('aaaaaaaa'):rep(1000):replace('a', 'bbbbbb')}",
         SCRIPT_RAISED, "at most 16384"},
        {"format width", "return {t = string.format('%999999999d', 1)}", SCRIPT_RAISED, "99"},
        {"format precision", "return {t = string.format('%.999f', 1)}", SCRIPT_RAISED, "99"},
        {"format of long texts", "local s = ('a'):rep(16000) return {t = ('%s%s'):format(s, s)}",
         SCRIPT_MEMORY, "text"},
        {"unpack", "return {n = select('#', table.unpack({}, 1, 1e8 // 1))}", SCRIPT_RAISED,
         "at most 200"},
        {"move", "table.move({}, 1, 1e8 // 1, 2)", SCRIPT_RAISED, "at most"},
        {"deep recursion", "local function f(n) return 1 + f(n + 1) end f(1)", SCRIPT_MEMORY,
         "bytes"},
        {"deep recursion through C",
         "local function f() table.sort({2, 1}, function() f() return true end) end f()",
         SCRIPT_RAISED, "C stack overflow"},
        {"deep recursion through pcall",
         "local function f() return pcall(f) end f() return {t = 'back'}", SCRIPT_FINE, "back"},
        {"a million inputs", "local t = {} for k = 1, 20000 do t['k' .. k] = k end return t",
         SCRIPT_OUTPUT, "not declared"},
    };

    CHECK_ATTEMPTS(rows);
}

/* Names that must lead nowhere. */
TEST(script_escape_absent, "what leads outside is not there")
{
    static const char *const names[] = {"io",
                                        "os",
                                        "debug",
                                        "package",
                                        "require",
                                        "load",
                                        "loadstring",
                                        "dofile",
                                        "loadfile",
                                        "collectgarbage",
                                        "print",
                                        "coroutine",
                                        "setmetatable",
                                        "getmetatable",
                                        "rawset",
                                        "rawget",
                                        "rawequal",
                                        "rawlen",
                                        "next",
                                        "xpcall",
                                        "_G",
                                        "warn",
                                        "utf8",
                                        "_VERSION",
                                        "string.gsub",
                                        "string.gmatch",
                                        "string.match",
                                        "string.dump",
                                        "string.pack",
                                        "string.unpack",
                                        "math.randomseed",
                                        "math.sin",
                                        "math.exp",
                                        "math.log"};
    char body[200];

    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
        struct attempt attempt = {names[k], body, SCRIPT_FINE, "nil"};

        snprintf(body, sizeof(body), "return {t = type(%s)}", names[k]);
        check_attempt(&attempt);
    }
}

TEST(script_escape_shared, "nothing that calls share can be changed, no address is seen")
{
    static const struct attempt rows[] = {
        {"library member", "math.floor = nil", SCRIPT_RAISED, "read-only"},
        {"library through _ENV", "_ENV.string.len = nil", SCRIPT_RAISED, "read-only"},
        {"library through insert", "table.insert(math, 1)", SCRIPT_RAISED, "of the library"},
        {"library through move", "table.move({1}, 1, 1, 1, string)", SCRIPT_RAISED,
         "of the library"},
        {"library through sort", "table.sort(table)", SCRIPT_RAISED, "of the library"},
        {"walking the library", "for k in pairs(string) do end", SCRIPT_RAISED, "of the library"},
        {"walking _ENV", "for k in pairs(_ENV) do end", SCRIPT_RAISED, "of the library"},
        {"member of all texts", "local s = '' s.evil = 1", SCRIPT_RAISED, "index a string"},
        {"methods of texts", "return {t = ('a').gsub and 'yes' or 'no'}", SCRIPT_FINE, "no"},
        {"arithmetic on texts", "return {n = '1' + 1}", SCRIPT_RAISED, "arithmetic"},
        {"address of a table", "return {t = tostring({})}", SCRIPT_FINE, "\"table\""},
        {"address of a function", "return {t = tostring(pcall)}", SCRIPT_FINE, "\"function\""},
        {"address by format", "return {t = ('%s'):format({})}", SCRIPT_FINE, "\"table\""},
        {"address by %p", "return {t = ('%p'):format({})}", SCRIPT_RAISED, "format: use"},
        {"%q", "return {t = ('%q'):format(1)}", SCRIPT_RAISED, "format: use"},
        {"%a", "return {t = ('%a'):format(1)}", SCRIPT_RAISED, "format: use"},
        {"format that ends in %", "return {t = ('%'):format()}", SCRIPT_RAISED, "format: use"},
        {"format without argument", "return {t = ('%d'):format()}", SCRIPT_RAISED, "argument"},
        {"address in a message", "error({})", SCRIPT_RAISED, "without text"},
        {"a __gc", "local t = {__gc = function() while true do end end} return {t = 'nothing'}",
         SCRIPT_FINE, "nothing"},
        {"pairs over tables as keys", "for k in pairs({[{}] = 1}) do end", SCRIPT_RAISED, "order"},
    };

    CHECK_ATTEMPTS(rows);
}

TEST(script_escape_bytecode, "bytecode from outside is not loaded")
{
    struct script_fixture f;

    script_fixture_open(&f);
    CHECK_EQ_INT(script_fixture_body(&f, "\x1bLua\x54"), ERR_UNPROCESSABLE);
    CHECK_EQ_STR(f.cx.problem.code, "script_syntax");
    script_fixture_close(&f);
}
