/*
 * format_test.c - what each format takes and refuses.
 */
#include "kernel/schema/format.h"
#include "kernel/schema/schema_fixture.h"

static const struct {
    const char *format;
    const char *yes[9], *no[12];
} CASES[] = {
    {"date-time",
     {"1963-06-19T08:30:06.283185Z", "1990-12-31T15:59:59.123-08:00", "1998-12-31T23:59:60Z",
      "1998-12-31T15:59:60.123-08:00", "1963-06-19t08:30:06.28z", "2024-02-29T00:00:00+23:59"},
     {"1998-12-31T23:59:61Z", "1998-12-31T23:58:60Z", "1998-12-31T22:59:60Z",
      "1990-02-31T15:59:59Z", "1990-12-31T24:00:00Z", "1990-12-31 15:59:59Z", "1963-06-19T08:30:06",
      "1963-06-19T08:30:06.Z", "1963-06-1৪T00:00:00Z", "2023-02-29T00:00:00Z",
      "1963-06-19T08:30:06+24:00"}},
    {"date",
     {"1963-06-19", "2020-02-29", "2000-02-29"},
     {"2021-02-29", "1900-02-29", "2020-04-31", "2020-13-01", "2020-1-1", "20230328", "2020-01-00",
      "2020-W01-1", "2020-01-01 "}},
    {"time",
     {"08:30:06Z", "23:59:60Z", "00:29:60+00:30", "08:30:06.283185Z", "08:30:06+00:20"},
     {"08:30:06", "24:00:00Z", "00:60:00Z", "00:00:61Z", "23:58:60Z", "08:30:06-8:00", "8:30:06Z",
      "01:02:03+24:00", "08:30:06 PST", "08:30:06#00:20"}},
    {"duration",
     {"P4DT12H30M5S", "P2W", "PT0S", "P1Y2M", "PT36H", "P1M"},
     {"P", "PT", "P1", "P1YT", "P1Y2D", "PT1H2S", "P2D1Y", "P1Y2W", "PT0.5S", "P1D "}},
    {"email",
     {"a@b.c", "\"a b\"@x.test", "a@[192.0.2.1]", "a@[IPv6:::1]", "a~b@x.test"},
     {"a", "@x", "a@", ".a@x", "a.@x", "a..b@x", "a b@x", "a@x_y", "a@[192.0.2.300]", "é@x.test"}},
    {"idn-email", {"斑马@例子.测试", "a@x.test", "δ@x"}, {"a", "斑 马@x", "a@"}},
    {"hostname",
     {"a", "a.b", "A1-b.test", "xn--4gbwdl.xn--wgbh1c"},
     {"", ".", "a.", "-a", "a-", "a_b", "ü.test", "xn--X", "a..b", "a\n"}},
    {"idn-hostname",
     {"例子.测试", "a。b", "l·l", "faß.de", "أب"},
     {"", "。", "a·l", "-ü", "ü-", "ー〱", "́a", "0a.א", "א0٠", "ab--cd"}},
    {"ipv4", {"0.0.0.0", "255.255.255.255"}, {"256.0.0.1", "1.2.3", "01.2.3.4", "1.2.3.4 ", ""}},
    {"ipv6",
     {"::", "::1", "1::d6:192.168.0.1", "1:2:3:4:5:6:7:8"},
     {"1", "1::2::3", ":1", "12345::", "::1%eth0", "1:2:3:4:5:6:7", "::ffff:1.2.3.04"}},
    {"uri",
     {"http://x.test/?q#f", "urn:a:b", "http://u:p@[2001:db8::1]:80/a", "mailto:a@b",
      "a:", "http://x.test/%20"},
     {"//x.test", "/a", "a", "http://x test", "http://x.test/<>", ":a", "http://[::1",
      "http://x/%2", "http://x.test:80a/", "http://é.test", "bar,://x"}},
    {"uri-reference",
     {"/a", "//x.test/b?c", "#f", "", "a/b:c", "http://x"},
     {"\\a", "#a\\b", "a:b c", "1:b", "/é"}},
    {"iri", {"http://é.test/π?\uE000", "http://x"}, {"é", "/é", "http://x/\uE000", "http://a b"}},
    {"iri-reference", {"é", "/π#ü", ""}, {"\\é", "#é\\"}},
    {"uri-template",
     {"", "/{a}/{+b,c*}{?d:10}", "a%41", "{%41}", "a'b", "/π"},
     {"{", "}", "{}", "{a,}", "{a:0}", "{a:10000}", "a b", "{a..b}", "a%4", "{a=b}"}},
    {"uuid",
     {"2EB8AA08-aa98-11ea-B4aa-73b441d16380"},
     {"2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4ga-73b441d16380", ""}},
    {"json-pointer", {"", "/", "/a~0b~1c/0", "//"}, {"a", "#/a", "/~", "/~2", "/a~"}},
    {"relative-json-pointer", {"0", "1/a", "0#", "10/~0"}, {"", "/a", "01", "-1", "0##", "1#/a"}},
    {"regex",
     {"a|b", "([abc])+\\s+$", "(?<=a+)b", "\\p{L}", "a{2,3}?", "[^]", "\\/\\-"},
     {"^(abc]", "\\a", "*a", "(?P<n>a)", "(?i)a", "(?#c)", "a**", "\\Z", "(", "a{2,1}"}},
};

TEST(schema_formats, "each format takes what its RFC admits and refuses what it does not")
{
    struct schema_fixture f;

    schema_fixture_open(&f);
    for (size_t k = 0; k < sizeof(CASES) / sizeof(CASES[0]); k++) {
        const struct schema_format *format = schema_format_find(str_of(CASES[k].format));

        CHECK(format);
        for (size_t j = 0; j < 9 && CASES[k].yes[j]; j++)
            CHECK_SAY(format->check(&f.cx, str_of(CASES[k].yes[j])), "%s refuses %s", format->name,
                      CASES[k].yes[j]);
        for (size_t j = 0; j < 12 && CASES[k].no[j]; j++)
            CHECK_SAY(!format->check(&f.cx, str_of(CASES[k].no[j])), "%s takes %s", format->name,
                      CASES[k].no[j]);
    }
    schema_fixture_close(&f);
}

TEST(schema_format_keyword, "format asserts of strings alone; an unknown one asserts nothing")
{
    struct schema_fixture f;

    schema_fixture_open(&f);
    schema_fixture_yes(&f, "{\"format\":\"date\"}", "12");
    schema_fixture_no(&f, "{\"format\":\"date\"}", "\"12\"");
    CHECK_EQ_TEXT(f.result.errors[0].say, "this is no date; give one like 2026-01-31");
    schema_fixture_yes(&f, "{\"format\":\"unheard-of\"}", "\"12\"");
    schema_fixture_close(&f);
}
