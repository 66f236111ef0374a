/*
 * reader.cc - the one C++ file: simdjson's DOM parser behind tape.h.
 */
#include "kernel/json/tape.h"

#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>

namespace
{

/* Larger parsers and copies are given back: a parser holds about 14 bytes for each of the text. */
constexpr size_t KEEP_BYTES_MAX = 256 << 10;
constexpr size_t CAPACITY_BYTES_MIN = 4 << 10;
/* One more level than we accept would do; the exact limit is checked on the tape. */
constexpr size_t PARSER_DEPTH = 64;

struct reader {
    simdjson::dom::parser parser;
    std::unique_ptr<char[]> padded;
    size_t padded_bytes = 0; /* Without the padding. */
};

thread_local struct reader reader;

size_t round_up(size_t len)
{
    size_t capacity = CAPACITY_BYTES_MIN;

    while (capacity < len)
        capacity *= 2;
    return capacity;
}

bool make_room(size_t len)
{
    size_t capacity = round_up(len);

    if (capacity <= KEEP_BYTES_MAX && reader.parser.capacity() > KEEP_BYTES_MAX)
        reader.parser = simdjson::dom::parser();
    if (reader.parser.capacity() < capacity &&
        reader.parser.allocate(capacity, PARSER_DEPTH) != simdjson::SUCCESS)
        return false;
    if (reader.parser.doc.capacity() < capacity &&
        reader.parser.doc.allocate(capacity) != simdjson::SUCCESS)
        return false;
    if (reader.padded_bytes >= capacity)
        return true;
    reader.padded_bytes = 0;
    reader.padded.reset(new (std::nothrow) char[capacity + simdjson::SIMDJSON_PADDING]);
    if (!reader.padded)
        return false;
    reader.padded_bytes = capacity;
    return true;
}

enum tape_result parse(const char *text, size_t len, struct json_tape *out) noexcept
{
    simdjson::error_code error;

    if (!make_room(len))
        return TAPE_NO_MEMORY;
    if (len > 0)
        std::memcpy(reader.padded.get(), text, len);
    std::memset(reader.padded.get() + len, ' ', simdjson::SIMDJSON_PADDING);
    error = reader.parser.parse(reader.padded.get(), len, false).error();
    if (reader.padded_bytes > KEEP_BYTES_MAX) { /* The tape refers to the parser's own copies. */
        reader.padded.reset();
        reader.padded_bytes = 0;
    }
    if (error == simdjson::MEMALLOC)
        return TAPE_NO_MEMORY;
    if (error != simdjson::SUCCESS)
        return TAPE_REFUSED;
    out->words = reader.parser.doc.tape.get();
    out->strings = reader.parser.doc.string_buf.get();
    return TAPE_OK;
}

} /* namespace */

enum tape_result tape_read(const char *text, size_t len, struct json_tape *out)
{
    return parse(text, len, out);
}
