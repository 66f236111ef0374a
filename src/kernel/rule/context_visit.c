/*
 * context_visit.c - the context of a person who visits: who, from where, when.
 */
#include <math.h>

#include "kernel/rule/bucket.h"
#include "kernel/rule/context.h"

enum { BUCKETS_MAX = 10000, BUCKET_COST = 20 /* A hash of an id and a salt. */ };

static const struct rule_type *const texts[] = {&rule_string};
static const struct rule_type text_list = {
    .kind = RULE_T_LIST, .name = {"list", 4}, .params = texts, .count = 1};
static const struct rule_type *const text_dyn[] = {&rule_string, &rule_dyn};
static const struct rule_type attribute_map = {
    .kind = RULE_T_MAP, .name = {"map", 3}, .params = text_dyn, .count = 2};

static const struct rule_part user_parts[] = {
    PART("id", &rule_string, "用户编号", "Id"),
    PART("level", &rule_int, "会员等级", "Member level"),
    PART("city", &rule_string, "城市", "City"),
    PART("province", &rule_string, "省份", "Province"),
    PART("tags", &text_list, "标签", "Tags"),
    PART("created", &rule_timestamp, "注册时间", "When the account was made"),
    PART("is_new", &rule_bool, "新用户", "Has never bought"),
    PART("orders", &rule_int, "已付订单数", "Paid orders"),
    PART("attributes", &attribute_map, "其他属性", "Whatever else is known"),
    PARTS_END};
static const struct rule_part request_parts[] = {
    PART("channel", &rule_string, "渠道", "Channel"),
    PART("platform", &rule_string, "平台", "Platform: ios, android, web, ..."),
    PART("app_version", &rule_string, "应用版本", "Version of the app"),
    PART("language", &rule_string, "语言", "Language"),
    PART("country", &rule_string, "国家或地区", "Country"),
    PART("path", &rule_string, "页面路径", "Path of the page"),
    PARTS_END};
static const struct rule_part parts[] = {OBJECT("user", user_parts, "用户", "Who visits"),
                                         OBJECT("request", request_parts, "请求", "How"),
                                         PART("now", &rule_timestamp, "当前时间", "When"),
                                         PARTS_END};

/* bucket(salt, n): which of n equal parts the user falls into, 0 .. n - 1; always the same. */
static struct rule_value bucket(struct rule_run *run, const struct rule_value *args, void *data)
{
    const struct rule_visit *visit = rule_host(run);
    double share;

    (void)data;
    if (args[1].i < 1 || args[1].i > BUCKETS_MAX)
        return rule_error_of(run, "bucket() has 1 to %d parts", BUCKETS_MAX);
    if (!visit || !visit->user_id.ptr)
        return rule_error_of(run, "bucket() wants a known user");
    (void)bucket_hash(rule_text(args[0]), visit->user_id, 2, &share);
    return rule_of_int((int64_t)floor(share * (double)args[1].i));
}

static const struct rule_type *const text_int[] = {&rule_string, &rule_int};
static const struct rule_function functions[] = {{.name = {"bucket", 6},
                                                  .params = text_int,
                                                  .param_count = 2,
                                                  .result = &rule_int,
                                                  .cost = BUCKET_COST,
                                                  .call = bucket}};

const struct rule_context rule_visit_context = {.name = "visit",
                                                .zh = "访问",
                                                .en = "A person who visits",
                                                .parts = parts,
                                                .functions = functions,
                                                .function_count =
                                                    sizeof(functions) / sizeof(functions[0])};
