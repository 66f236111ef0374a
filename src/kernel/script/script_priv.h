/*
 * script_priv.h - what the files of this folder share.
 *
 * Invariants:
 *   - nothing below a Lua frame (any lua_CFunction, the allocator, a reader or writer) calls
 *     arena_alloc, cx_alloc or fail: they jump or allocate; arena_try and complaints serve there;
 *   - a lua_State belongs to one struct state, and that to one thread between take and give.
 */
#ifndef GREVY_SCRIPT_SCRIPT_PRIV_H
#define GREVY_SCRIPT_SCRIPT_PRIV_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "kernel/script/script.h"

/* Where a value is, as a chain on the stack; text only when somebody asks. */
struct script_at {
    const struct script_at *up;
    struct str name; /* A member; absent: an item at index. */
    size_t index;
};

/* What is wrong with a value, without allocating. */
struct script_complaint {
    char pointer[PROBLEM_POINTER_LEN_MAX];
    char what[SCRIPT_ERROR_LEN_MAX];
    const char *code; /* Static, as in field.h. */
};

/** Record and yield false; the first complaint stays. */
bool script_complain(struct script_complaint *complaint, const struct script_at *at,
                     const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);

/** Is value as field declares? */
bool script_value_check(const struct script_field *field, const struct script_value *value,
                        const struct script_at *at, struct script_complaint *complaint);
bool script_values_check(const struct script_fields *fields, const struct script_value *values,
                         struct script_complaint *complaint);
const char *script_type_name(enum script_type type);
/** Sort keys by bytes, items with them. */
void script_map_sort(struct str *keys, struct script_value *items, size_t count);

struct script_fields script_fields_copy(struct arena *keep, const struct script_fields *fields);
struct script_value *script_values_copy(struct arena *keep, const struct script_value *values,
                                        size_t count);
struct str script_text_copy(struct arena *keep, struct str text);

struct script {
    struct str name;
    uint64_t id;      /* Never given twice in a process: what states know loaded code by. */
    uint64_t version; /* Hash of the source: the same text is the same version. */
    struct str code;  /* Bytecode made by compile.c. */
    struct script_fields inputs, outputs;
    const struct script_value *fallback;
};

/* ---- States (state.c) ---- */

enum {
    STATE_SCRIPTS_MAX = 16, /* Scripts that one state keeps loaded. */
    /* What a hook costs is nothing beside so many instructions, and a call ends that near to its
     * limit. */
    STATE_SLICE_WORK = 1000,
    STATE_COMPILE_BYTES_MAX = 16 << 20, /* Parsing SCRIPT_SOURCE_LEN_MAX takes less than half. */
};

struct state {
    lua_State *lua;
    struct state *next;
    size_t used_bytes, used_max;    /* The allocator refuses growth beyond used_max. */
    size_t idle_bytes;              /* In use after the last collection. */
    int64_t work_left, deadline_us; /* 0: not yet set. */
    enum script_failure spent; /* SPENT or MEMORY: this call is over, whatever it still does. */
    struct cx *cx;             /* Of the call; NULL outside. */
    uint64_t *seed;            /* Random numbers of a test; NULL: from cx. */
    struct {
        uint64_t id;
        int code, names; /* References: the function; names of inputs, then of outputs. */
    } scripts[STATE_SCRIPTS_MAX];
    int evict; /* The next place to use. */
};

struct state *state_take(void); /* NULL: no memory. */
void state_give(struct state *state);
/** A state that is not pooled, without libraries, to compile in. */
struct state *state_bare(void);
void state_close(struct state *state);

/** Begin and end what a call may spend. */
void state_begin(struct state *state, struct cx *cx, uint64_t *seed);
void state_end(struct state *state);

struct state *state_of(lua_State *lua);
/** Library functions pay for what they do before they do it; raises when it is too much. */
void state_charge(lua_State *lua, size_t work);
/** End the call: no pcall of ours catches this. */
int state_raise_spent(lua_State *lua);
uint64_t state_random(struct state *state, uint64_t below);

/** Put the libraries' globals into a table on top, for _ENV to read through (library.c). */
void library_open(lua_State *lua);
void library_math(lua_State *lua); /* Each pushes its table of functions. */
void library_string(lua_State *lua);
void library_table(lua_State *lua);
/** Replace the table on top by an empty one that reads through it and cannot be written. */
void library_seal(lua_State *lua);
int library_tostring(lua_State *lua);

/* ---- Calls (call.c) ---- */

struct run {
    struct state *state;
    struct cx *cx;
    const struct script *script;
    const struct script_value *inputs;
    struct script_value *outputs;
    struct script_complaint complaint;
    bool bad_output, starved; /* starved: cx has no memory for the outputs. */
};

/* Lua values of inputs, and outputs from Lua values (values.c).  Below a Lua frame.  names is the
 * index of the table that holds the names of inputs and then of outputs as Lua texts. */

/** Push a table of run's inputs. */
void values_push(lua_State *lua, const struct run *run, int names);
/** Read run->outputs from the value on top; false: run says why. */
bool values_pull(lua_State *lua, struct run *run, int names);

/** Run without fallback and counting.  error lies in cx. */
enum script_failure script_run(struct cx *cx, const struct script *script, struct run *run,
                               uint64_t *seed, struct str *error);

/* ---- How scripts do (health.c) ---- */

bool health_is_off(const struct script *script);
void health_called(const struct script *script);
/** Count a failure; true when it was the one that switched the script off. */
bool health_failed(struct cx *cx, const struct script *script, enum script_failure failure,
                   struct str error);

#endif
