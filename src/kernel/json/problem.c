/*
 * problem.c - RFC 9457: type is a URN of the stable code, pointer follows RFC 6901.
 */
#include "kernel/json/problem.h"

struct str problem_json(struct cx *cx, const struct problem *problem)
{
    struct str code = str_of(problem->code ? problem->code : "failed");
    struct json_out out;

    assert(problem->err != OK);
    json_open(&out, cx, 512);
    json_object(&out);
    json_member_text(&out, "type", cx_printf(cx, "urn:grevy:problem:" STR_FMT, STR_ARG(code)));
    json_member_text(&out, "title", str_of(err_title(problem->err)));
    json_member_int(&out, "status", err_status(problem->err));
    json_member_text(&out, "code", code);
    json_member_text(&out, "detail", str_of(problem->detail));
    if (problem->pointer[0])
        json_member_text(&out, "pointer", str_of(problem->pointer));
    for (int k = 0; k < problem->member_count; k++)
        json_member_text(&out, problem->members[k].name, problem->members[k].value);
    json_object_end(&out);
    return json_done(&out);
}
