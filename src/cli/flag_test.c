/*
 * flag_test.c - grevy flag eval --json, line by line.
 */
#include "cli/flag.h"
#include "test/kit/test.h"

enum { BUDGET_BYTES = 8 << 20 };

TEST(flag_lines, "each line is answered with its id: a result, or what is wrong with it")
{
    static const struct {
        const char *line, *answer;
    } lines[] = {
        {"{\"id\":1,\"dialect\":\"growthbook\",\"call\":\"evalCondition\",\"args\":[{\"a\":1},"
         "{\"a\":1}]}",
         "{\"id\":1,\"result\":true}"},
        {"{\"id\":\"x\",\"dialect\":\"growthbook\",\"call\":\"evalCondition\",\"args\":[{\"a\":{"
         "\"$inGroup\":\"g\"}},{\"a\":2},{\"g\":[1]}]}",
         "{\"id\":\"x\",\"result\":false}"},
        {"{\"id\":2,\"dialect\":\"growthbook\",\"call\":\"evalCondition\",\"args\":[{}]}",
         "{\"id\":2,\"error\":\"evalCondition wants 2 args\"}"},
        {"{\"id\":3,\"dialect\":\"growthbook\",\"call\":\"evalCondition\",\"args\":[{\"$or\":1},"
         "{}]}",
         "{\"id\":3,\"error\":\"a list of conditions is wanted here\"}"},
        {"{\"id\":4,\"dialect\":\"x\",\"call\":\"y\",\"args\":[]}",
         "{\"id\":4,\"error\":\"dialect and call name one that there is: growthbook "
         "evalCondition, hash ...\"}"},
        {"{\"id\":5,\"dialect\":\"growthbook\",\"call\":\"hash\",\"args\":[\"b\",\"a\",1]}",
         "{\"id\":5,\"result\":0.946}"},
        {"{\"id\":6,\"dialect\":\"growthbook\",\"call\":\"hash\",\"args\":[\"b\",\"a\",9]}",
         "{\"id\":6,\"result\":null}"},
        {"{\"id\":7,\"dialect\":\"growthbook\",\"call\":\"getBucketRange\",\"args\":[[2,1,null]]}",
         "{\"id\":7,\"result\":[[0.0,0.5],[0.5,1.0]]}"},
        {"{\"id\":8,\"dialect\":\"growthbook\",\"call\":\"chooseVariation\",\"args\":[0.5,[[0,0.5],"
         "[0.5,1]]]}",
         "{\"id\":8,\"result\":1}"},
        {"{\"id\":9,\"dialect\":\"growthbook\",\"call\":\"getEqualWeights\",\"args\":[-1]}",
         "{\"id\":9,\"result\":[]}"},
        {"{\"id\":9,\"dialect\":\"growthbook\",\"call\":\"inNamespace\",\"args\":[1,[\"n\",0,1]]}",
         "{\"id\":9,\"error\":\"args are [text, [namespace, begin, end]]\"}"},
        {"[]", "{\"id\":null,\"error\":\"a line is an object: "
               "{\\\"id\\\",\\\"dialect\\\",\\\"call\\\",\\\"args\\\"}\"}"},
    };
    struct cx cx;

    cx_open(&cx, env_system(), BUDGET_BYTES);
    for (size_t k = 0; k < sizeof(lines) / sizeof(lines[0]); k++) {
        cx_reset(&cx);
        CHECK_EQ_TEXT(flag_answer(&cx, str_of(lines[k].line)), lines[k].answer);
    }
    cx_close(&cx);
}
