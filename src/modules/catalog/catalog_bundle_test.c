/*
 * catalog_bundle_test.c - bundles of components, and courses with their kits.
 */
#include "modules/catalog/catalog_fixture.h"

static const char *components(struct mini *mini, const char *list)
{
    return mini_text(mini, ",\"components\":[%s]", list);
}

static struct answer refuse(struct mini *mini, int status, const char *code, const char *kind,
                            const char *list)
{
    int64_t before = shelf_digest(mini);
    struct answer refused =
        shelf_refused(mini, status, code, "POST /v1/products",
                      shelf_body(mini, "T", kind, "NEW", components(mini, list)));

    CHECK_EQ_INT(shelf_digest(mini), before);
    return refused;
}

static struct answer order(struct mini *mini, int status, const char *sku)
{
    return shelf_do(mini, status, "POST /v1/orders",
                    mini_text(mini,
                              "{\"user\":\"u\",\"currency\":\"CNY\",\"lines\":[{\"sku\":\"%s\","
                              "\"quantity\":1}],\"address\":{\"name\":\"A\",\"phone\":\"1\","
                              "\"country\":\"CN\",\"line1\":\"x\"}}",
                              sku));
}

TEST_DB(catalog_component_unknown, "a bundle of what there is not is refused, by id and by code")
{
    struct mini *mini = mini_open(db);
    struct answer refused;

    shelf_sku(mini, "goods", "A", "");
    refused = refuse(mini, 404, "no_such_sku", "bundle",
                     "{\"sku_code\":\"A\",\"quantity\":1},{\"sku_code\":\"B\",\"quantity\":1}");
    CHECK_EQ_STR(mini_get(mini, refused, "pointer"), "/skus/0/components/1");
    CHECK_EQ_STR(mini_get(mini, refused, "sku_code"), "B");
    refused = refuse(mini, 404, "no_such_sku", "bundle",
                     "{\"sku\":\"sku_0000000000001\",\"quantity\":1}");
    CHECK_EQ_STR(mini_get(mini, refused, "sku"), "sku_0000000000001");
    refuse(mini, 404, "no_such_sku", "bundle", "{\"sku_code\":\"NEW\",\"quantity\":1}");
    refuse(mini, 404, "no_such_sku", "course", "{\"sku_code\":\"NEW\",\"quantity\":1}");
    mini_close(mini);
}

TEST_DB(catalog_component_nested, "a bundle in a bundle is refused, also inside one product")
{
    struct mini *mini = mini_open(db);
    const char *set;

    shelf_sku(mini, "goods", "A", "");
    set = shelf_sku(mini, "bundle", "SET", components(mini, "{\"sku_code\":\"A\",\"quantity\":1}"));
    refuse(mini, 400, "bundle_in_bundle", "bundle", "{\"sku_code\":\"SET\",\"quantity\":1}");
    refuse(mini, 400, "bundle_in_bundle", "bundle",
           mini_text(mini, "{\"sku\":\"%s\",\"quantity\":1}", set));
    refuse(mini, 400, "bundle_in_bundle", "course", "{\"sku_code\":\"SET\",\"quantity\":1}");
    shelf_refused(mini, 400, "bundle_in_bundle", "POST /v1/products",
                  "{\"title\":\"T\",\"kind\":\"bundle\",\"skus\":["
                  "{\"code\":\"S1\",\"price\":{\"amount\":1,\"currency\":\"CNY\"},"
                  "\"components\":[{\"sku_code\":\"A\",\"quantity\":1}]},"
                  "{\"code\":\"S2\",\"price\":{\"amount\":1,\"currency\":\"CNY\"},"
                  "\"components\":[{\"sku_code\":\"S1\",\"quantity\":1}]}]}");
    mini_close(mini);
}

TEST_DB(catalog_component_misplaced,
        "only bundles and courses have components, a bundle at least 1")
{
    static const char *const others[] = {"goods", "content", "vip", "teacher"};
    struct mini *mini = mini_open(db);
    const char *one = "{\"sku_code\":\"A\",\"quantity\":1}";

    shelf_sku(mini, "goods", "A", "");
    for (int k = 0; k < 4; k++)
        refuse(mini, 400, "bad_value", others[k], one);
    refuse(mini, 400, "required", "bundle", "");
    refuse(mini, 400, "required", "bundle", "{\"quantity\":1}");
    refuse(mini, 400, "required", "bundle",
           "{\"sku\":\"sku_0000000000001\",\"sku_code\":\"A\",\"quantity\":1}");
    refuse(mini, 400, "required", "bundle", "{\"sku_code\":\"A\"}");
    shelf_sku(mini, "course", "C", components(mini, one));
    mini_close(mini);
}

TEST_DB(catalog_component_twice, "a component named twice is reserved for both, or not at all")
{
    struct mini *mini = mini_open(db);
    const char *a = shelf_sku(mini, "goods", "A", "");
    const char *set = shelf_sku(mini, "bundle", "SET",
                                components(mini, "{\"sku_code\":\"A\",\"quantity\":2},"
                                                 "{\"sku_code\":\"A\",\"quantity\":1}"));

    shelf_receive(mini, a, 5);
    order(mini, 201, set);
    CHECK_EQ_STR(shelf_stock(mini, a), "5 3");
    CHECK_EQ_STR(mini_get(mini, order(mini, 409, set), "code"), "out_of_stock");
    CHECK_EQ_STR(shelf_stock(mini, a), "5 3");
    mini_close(mini);
}

TEST_DB(catalog_course_in_bundle, "a course in a bundle brings its kits along, each on its day")
{
    struct mini *mini = mini_open(db);
    const char *kit = shelf_sku(mini, "goods", "KIT", "");
    const char *course = shelf_sku(mini, "course", "COURSE",
                                   components(mini, "{\"sku_code\":\"KIT\",\"quantity\":2},"
                                                    "{\"sku_code\":\"KIT\",\"quantity\":1,"
                                                    "\"after_days\":30}"));
    const char *set = shelf_sku(mini, "bundle", "SET",
                                components(mini, "{\"sku_code\":\"COURSE\",\"quantity\":3}"));
    struct answer read = shelf_do(mini, 200, mini_text(mini, "GET /v1/skus/%s", set), NULL);

    CHECK_EQ_STR(mini_get(mini, read, "components"),
                 mini_text(mini,
                           "[{\"sku\":\"%s\",\"quantity\":3,\"after_days\":0},"
                           "{\"sku\":\"%s\",\"quantity\":6,\"after_days\":0},"
                           "{\"sku\":\"%s\",\"quantity\":3,\"after_days\":30}]",
                           course, kit, kit));
    shelf_receive(mini, course, 10);
    shelf_receive(mini, kit, 10);
    order(mini, 201, set);
    CHECK_EQ_STR(shelf_stock(mini, course), "10 3");
    CHECK_EQ_STR(shelf_stock(mini, kit), "10 6"); /* The later three are planned. */
    mini_close(mini);
}

TEST_DB(catalog_components_brought, "what courses bring along counts towards a bundle's limits")
{
    struct mini *mini = mini_open(db);
    struct text list = shelf_long_text();
    const char *kits;

    shelf_sku(mini, "goods", "KIT", "");
    for (int k = 0; k < 24; k++)
        text_addf(&list, "%s{\"sku_code\":\"KIT\",\"quantity\":2,\"after_days\":3000}",
                  k ? "," : "");
    kits = mini_text(mini, "%s", shelf_text_done(&list));
    shelf_sku(mini, "course", "COURSE", components(mini, kits));
    shelf_sku(mini, "bundle", "FITS",
              components(mini, "{\"sku_code\":\"COURSE\",\"quantity\":500,\"after_days\":650},"
                               "{\"sku_code\":\"COURSE\",\"quantity\":1}"));
    refuse(mini, 400, "out_of_range", "bundle",
           "{\"sku_code\":\"COURSE\",\"quantity\":1},{\"sku_code\":\"COURSE\",\"quantity\":1},"
           "{\"sku_code\":\"KIT\",\"quantity\":1}");
    refuse(mini, 400, "out_of_range", "bundle", "{\"sku_code\":\"COURSE\",\"quantity\":501}");
    refuse(mini, 400, "out_of_range", "bundle",
           "{\"sku_code\":\"COURSE\",\"quantity\":1,\"after_days\":651}");
    mini_close(mini);
}
