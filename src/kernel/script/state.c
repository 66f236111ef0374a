/*
 * state.c - Lua states: what a call may spend of one, and the pool of idle ones.
 *
 * Memory is counted by the allocator.  The collector stands still during a call: what a call
 * allocates counts until its end, so that a limit hits at the same place whatever ran before, and
 * no collection (which no hook can stop) lies inside a call.  Between calls a state is collected
 * when GARBAGE_BYTES_MAX have gathered.
 *
 * Work is counted by a hook every STATE_SLICE_WORK instructions.  When all is spent the hook is set
 * to every single instruction and raises at each, until the call has ended: catching the error once
 * gains one instruction.  Hooks belong to coroutines and sleep in message handlers: there are
 * neither here.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/script/script_priv.h"

enum {
    IDLE_STATES_MAX = 32,          /* More threads than that do not run scripts at once. */
    GARBAGE_BYTES_MAX = 256 << 10, /* Some 400 calls; collected in a tenth of a millisecond. */
    /* What an emptied state may hold: libraries and STATE_SCRIPTS_MAX scripts.  Above it is thrown
     * away. */
    IDLE_BYTES_MAX = 8 << 20,
    STRING_HEADER_BYTES_MAX = 64, /* What Lua adds to a text. */
};

static struct {
    pthread_mutex_t lock;
    struct state *idle; /* Last given, first taken: it has the running scripts loaded. */
    int count;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct state *state_of(lua_State *lua)
{
    return *(struct state **)lua_getextraspace(lua);
}

/* ---- Limits ---- */

/* The clock starts at the first slice: most calls end before and never ask for the time. */
static bool late(struct state *state)
{
    struct env *env = state->cx->env;
    int64_t now_us = env->monotonic_us(env);

    if (state->deadline_us == 0)
        state->deadline_us = now_us + SCRIPT_WALL_MS_MAX * INT64_C(1000);
    return now_us > state->deadline_us;
}

static void slice_hook(lua_State *lua, lua_Debug *event)
{
    struct state *state = state_of(lua);

    (void)event;
    state->work_left -= STATE_SLICE_WORK;
    if ((state->work_left < 0 || late(state)) && state->spent == SCRIPT_FINE)
        state->spent = SCRIPT_SPENT;
    if (state->spent != SCRIPT_FINE)
        state_raise_spent(lua);
}

/* Runs below Lua frames, when there may be no memory: a light userdata is the error. */
int state_raise_spent(lua_State *lua)
{
    lua_sethook(lua, slice_hook, LUA_MASKCOUNT, 1);
    lua_pushlightuserdata(lua, state_of(lua));
    return lua_error(lua);
}

void state_charge(lua_State *lua, size_t work)
{
    struct state *state = state_of(lua);

    if (work > SCRIPT_WORK_MAX)
        work = SCRIPT_WORK_MAX + 1;
    state->work_left -= (int64_t)work;
    if (state->work_left < 0 && state->spent == SCRIPT_FINE)
        state->spent = SCRIPT_SPENT;
    if (state->spent != SCRIPT_FINE)
        state_raise_spent(lua);
}

/* kind is what Lua says of a new block: LUA_TSTRING for a text. */
static bool grants(struct state *state, size_t kind, size_t old_bytes, size_t new_bytes)
{
    bool text = old_bytes == 0 && kind == LUA_TSTRING;

    if (new_bytes <= old_bytes)
        return true;
    if (state->spent != SCRIPT_FINE)
        return false;
    if (state->used_bytes - old_bytes + new_bytes <= state->used_max &&
        (!text || new_bytes <= SCRIPT_TEXT_LEN_MAX + STRING_HEADER_BYTES_MAX))
        return true;
    state->spent = SCRIPT_MEMORY;
    if (state->cx)
        lua_sethook(state->lua, slice_hook, LUA_MASKCOUNT, 1);
    return false;
}

static void *allocate(void *context, void *ptr, size_t old_size, size_t new_size)
{
    struct state *state = context;
    size_t old_bytes = ptr ? old_size : 0;
    void *to;

    if (new_size == 0) {
        free(ptr);
        state->used_bytes -= old_bytes;
        return NULL;
    }
    if (!grants(state, ptr ? 0 : old_size, old_bytes, new_size))
        return NULL;
    to = realloc(ptr, new_size);
    if (to)
        state->used_bytes += new_size - old_bytes;
    return to;
}

void state_begin(struct state *state, struct cx *cx, uint64_t *seed)
{
    state->cx = cx;
    state->seed = seed;
    state->work_left = SCRIPT_WORK_MAX;
    state->deadline_us = 0;
    state->used_max = state->used_bytes + SCRIPT_MEMORY_BYTES_MAX;
    lua_sethook(state->lua, slice_hook, LUA_MASKCOUNT, STATE_SLICE_WORK);
}

void state_end(struct state *state)
{
    lua_sethook(state->lua, NULL, 0, 0);
    lua_settop(state->lua, 0);
    state->cx = NULL;
    state->seed = NULL;
    state->used_max = SIZE_MAX;
}

/* SplitMix64 (Steele, Lea, Flood 2014): tests draw the same numbers everywhere. */
static uint64_t seeded(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t state_random(struct state *state, uint64_t below)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % below, draw;

    if (!state->seed)
        return cx_random(state->cx, below);
    do {
        draw = seeded(state->seed);
    } while (draw >= limit);
    return draw % below;
}

/* ---- Making and closing ---- */

struct state *state_bare(void)
{
    struct state *state = calloc(1, sizeof(*state));

    if (!state)
        return NULL;
    state->used_max = SIZE_MAX;
    state->lua = lua_newstate(allocate, state);
    if (!state->lua) {
        free(state);
        return NULL;
    }
    *(struct state **)lua_getextraspace(state->lua) = state;
    lua_gc(state->lua, LUA_GCSTOP);
    return state;
}

void state_close(struct state *state)
{
    if (state->lua)
        lua_close(state->lua);
    free(state);
}

/* Registry: 1 is the main thread, 2 the globals (Lua's own); the metatable of every _ENV is kept
 * under its address. */
static int open_libraries(lua_State *lua)
{
    lua_createtable(lua, 0, 2);
    library_open(lua);
    lua_setfield(lua, -2, "__index");
    lua_rawsetp(lua, LUA_REGISTRYINDEX, state_of(lua));
    return 0;
}

static struct state *make(void)
{
    struct state *state = state_bare();

    if (!state)
        return NULL;
    lua_pushcfunction(state->lua, open_libraries);
    if (lua_pcall(state->lua, 0, 0, 0) != LUA_OK) {
        state_close(state);
        return NULL;
    }
    lua_gc(state->lua, LUA_GCCOLLECT);
    state->idle_bytes = state->used_bytes;
    return state;
}

/* ---- The pool ---- */

struct state *state_take(void)
{
    struct state *state;

    pthread_mutex_lock(&pool.lock);
    state = pool.idle;
    if (state) {
        pool.idle = state->next;
        pool.count--;
    }
    pthread_mutex_unlock(&pool.lock);
    return state ? state : make();
}

void state_give(struct state *state)
{
    bool keep = state->spent != SCRIPT_MEMORY;

    state->spent = SCRIPT_FINE;
    if (keep && state->used_bytes > state->idle_bytes + GARBAGE_BYTES_MAX) {
        lua_gc(state->lua, LUA_GCCOLLECT);
        state->idle_bytes = state->used_bytes;
        keep = state->idle_bytes <= IDLE_BYTES_MAX;
    }
    pthread_mutex_lock(&pool.lock);
    keep = keep && pool.count < IDLE_STATES_MAX;
    if (keep) {
        state->next = pool.idle;
        pool.idle = state;
        pool.count++;
    }
    pthread_mutex_unlock(&pool.lock);
    if (!keep)
        state_close(state);
}

void script_pool_drain(void)
{
    struct state *state, *next;

    pthread_mutex_lock(&pool.lock);
    state = pool.idle;
    pool.idle = NULL;
    pool.count = 0;
    pthread_mutex_unlock(&pool.lock);
    for (; state; state = next) {
        next = state->next;
        state_close(state);
    }
}
