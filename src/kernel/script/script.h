/*
 * script.h - strategies in Lua 5.4: source, typed inputs and outputs, fallback, tests.
 *
 * The source is the body of a function: it reads `input.NAME` and returns a table of its outputs.
 *
 * Invariants:
 *   - a struct script is immutable, lives in the arena it was compiled into and is shared by
 *     threads; its bytecode was made here, never read from outside;
 *   - a script compiles only if every test stored beside it passes;
 *   - a call sees nothing of any other call: no global, table or function outlives it;
 *   - what a call may spend is bounded (the limits below), and nothing that the script does gives
 *     it more: what is spent stays spent until the call ends;
 *   - the same inputs and random numbers give the same outputs (exceptions: docs/adr/0016-lua.md);
 *   - a script's failure is never the caller's: the call yields the fallback and says why.
 */
#ifndef GREVY_SCRIPT_SCRIPT_H
#define GREVY_SCRIPT_SCRIPT_H

#include "kernel/json/json.h"

enum {
    SCRIPT_SOURCE_LEN_MAX = 64 << 10, /* Bytes; longer is a program, not a strategy. */
    SCRIPT_NAME_LEN_MAX = 120,
    SCRIPT_FIELDS_MAX = 64, /* Inputs, outputs, members of an object. */
    SCRIPT_TYPE_DEPTH_MAX = 6,
    SCRIPT_TESTS_MAX = 100,
    SCRIPT_ITEMS_MAX = 10000, /* Of a list or map that goes in or out. */

    /* Of one call.  Work is counted in VM instructions; library functions add what they do.
     * 200,000 are 2 to 4 ms here: a hundred times what a strategy needs. */
    SCRIPT_WORK_MAX = 200000,
    SCRIPT_MEMORY_BYTES_MAX = 4 << 20, /* Allocated, garbage included: see state.c. */
    /* The backstop for instructions that take long texts (compared, read as numbers): looked at
     * every thousand instructions.  Nothing else depends on a clock. */
    SCRIPT_WALL_MS_MAX = 250,
    /* Of one string.  Comparing two is one instruction to the hook, so this bounds it: 16 KiB are
     * compared in less than a microsecond. */
    SCRIPT_TEXT_LEN_MAX = 16 << 10,

    /* Failures within a minute that switch a script off. */
    SCRIPT_FAILURES_MAX = 3,
    SCRIPT_FAILURES_WINDOW_MS = 60000,
    SCRIPT_ERROR_LEN_MAX = 200,
};

enum script_type {
    SCRIPT_ABSENT, /* Of a value: not given. */
    SCRIPT_BOOL,
    SCRIPT_INT,
    SCRIPT_DOUBLE, /* Finite. */
    SCRIPT_TEXT,
    SCRIPT_LIST,
    SCRIPT_MAP,
    SCRIPT_OBJECT
};

/* A declared input, output, member of an object, or (without a name) item of a list or map. */
struct script_field {
    struct str name;
    enum script_type type;
    bool required;
    double min, max;             /* Of a DOUBLE; -HUGE_VAL, HUGE_VAL: none. */
    int64_t int_min, int_max;    /* Of an INT; bytes of a TEXT; items of a LIST or MAP. */
    struct script_field *item;   /* LIST, MAP. */
    struct script_field *fields; /* OBJECT. */
    size_t field_count;
};

struct script_fields {
    struct script_field *items;
    size_t count;
};

struct script_value {
    enum script_type type;
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct str text;
        /* LIST; MAP, with keys in order of their bytes; OBJECT, in the order of its fields. */
        struct {
            struct script_value *items;
            struct str *keys; /* MAP. */
            size_t count;
        } list;
    };
};

/* The inputs of a test and the outputs it expects, in the order of their declarations. */
struct script_test {
    struct str name;
    struct script_value *inputs, *outputs;
    uint64_t seed; /* Of its random numbers. */
};

struct script_source {
    struct str name; /* Its identity for operators and counters: "retail/price_strategy/autumn". */
    struct str text;
    struct script_fields inputs, outputs;
    struct script_value *fallback; /* The outputs that stand in for a failed call. */
    struct script_test *tests;
    size_t test_count;
};

struct script;

/**
 * Read {"name","source": text or list of lines,"inputs":[field..],"outputs":[field..],
 * "fallback":{..},"tests":[{"name","input","output","seed"}]}.  A field is {"name","type",
 * "required","min","max","item": field,"fields":[field..]}; absent "required" is true.
 * Errors: BAD_INPUT with the JSON pointer of what is wrong.
 */
MUST_CHECK enum err script_source_read(struct cx *cx, struct json document,
                                       struct script_source *out);

/**
 * Compile source and run its tests.  *out and what it needs lie in keep.  Errors: UNPROCESSABLE
 * "script_syntax" (with the line), "script_test_failed" (with what was expected and what came, the
 * pointer names the test), "script_too_large"; BUSY "out_of_memory".
 */
MUST_CHECK enum err script_compile(struct cx *cx, struct arena *keep,
                                   const struct script_source *source, const struct script **out);

const struct script_fields *script_inputs(const struct script *script);
const struct script_fields *script_outputs(const struct script *script);
struct str script_name(const struct script *script);

enum script_failure {
    SCRIPT_FINE,
    SCRIPT_SPENT,   /* Its work. */
    SCRIPT_MEMORY,  /* Its memory, or a text too long. */
    SCRIPT_RAISED,  /* An error of its own. */
    SCRIPT_OUTPUT,  /* Outputs that are not as declared. */
    SCRIPT_STARVED, /* The process has no memory for a state: not the script's doing. */
    SCRIPT_OFF,     /* Switched off: it was not run. */
    SCRIPT_FAILURE_COUNT
};

struct script_answer {
    const struct script_value *outputs; /* In the order of their declarations. */
    enum script_failure failure;        /* Not FINE: outputs are the fallback. */
    struct str error;                   /* What went wrong, for people; in cx. */
};

/**
 * Run script on inputs, in the order of their declarations.  Values of the answer live as long as
 * cx, fallback values as long as script.  Errors: BAD_INPUT "script_input" when inputs are not as
 * declared; how the script itself fails is part of the answer.
 */
MUST_CHECK enum err script_call(struct cx *cx, const struct script *script,
                                const struct script_value *inputs, struct script_answer *out);

/** Run test number k of source on script: false when it fails, why says how.  For tools. */
bool script_test_run(struct cx *cx, const struct script *script, const struct script_test *test,
                     struct str *why);

/** Compile without running the tests: for tools that show each of them. */
MUST_CHECK enum err script_compile_untested(struct cx *cx, struct arena *keep,
                                            const struct script_source *source,
                                            const struct script **out);

/* ---- Values ---- */

/** Decode object by fields into fields.count values.  Errors: BAD_INPUT with the pointer. */
MUST_CHECK enum err script_values_read(struct cx *cx, const struct script_fields *fields,
                                       struct json object, const char *pointer,
                                       struct script_value **out);
void script_values_write(struct json_out *out, const struct script_fields *fields,
                         const struct script_value *values);
struct str script_values_json(struct cx *cx, const struct script_fields *fields,
                              const struct script_value *values);

/* ---- How scripts do ---- */

struct script_status {
    char name[SCRIPT_NAME_LEN_MAX + 1];
    char version[17]; /* Hexadecimal, of the source: versions of one name are counted apart. */
    uint64_t calls, failures;
    char last_error[SCRIPT_ERROR_LEN_MAX];
    int64_t last_failed_ms;
    int64_t off_since_ms; /* 0: it is on. */
};

/** Every script this process has run, oldest first; *count of them, in cx. */
struct script_status *script_statuses(struct cx *cx, size_t *count);
void script_status_json(struct cx *cx, struct json_out *out);

/** Switch all versions of name on again; false when none was off. */
bool script_switch_on(struct str name);

/** Close all idle Lua states: for the end of a process and for tests. */
void script_pool_drain(void);

#endif
