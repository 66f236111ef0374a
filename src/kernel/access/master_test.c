/*
 * master_test.c - where a master key may come from, and where not.
 */
#include "kernel/access/master.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/kit/test.h"

enum { PATH_BYTES = 512 };

struct places {
    char data[PATH_BYTES], beside[PATH_BYTES], inside[PATH_BYTES], other[PATH_BYTES];
    unsigned char key[MASTER_KEY_BYTES];
    struct problem problem;
};

static void open_places(struct places *p)
{
    const char *dir = test_dir();

    *p = (struct places){0};
    snprintf(p->data, PATH_BYTES, "%s/data", dir);
    snprintf(p->beside, PATH_BYTES, "%s/data.key", dir);
    snprintf(p->inside, PATH_BYTES, "%s/data/master.key", dir);
    snprintf(p->other, PATH_BYTES, "%s/other.key", dir);
    CHECK(mkdir(p->data, 0700) == 0);
    unsetenv("GREVY_MASTER_KEY");
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
    CHECK(chmod(path, mode) == 0);
}

static const char good[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

static void check_is_good(const struct places *p)
{
    for (int k = 0; k < MASTER_KEY_BYTES; k++)
        CHECK_EQ_INT(p->key[k], k);
}

TEST(master_made_once, "the first start makes a key file beside the data, later ones read it")
{
    unsigned char again[MASTER_KEY_BYTES], zero[MASTER_KEY_BYTES] = {0};
    struct places p;
    struct stat stat_;

    open_places(&p);
    CHECK_EQ_INT(master_key_load(NULL, p.data, p.key, &p.problem), OK);
    CHECK(memcmp(p.key, zero, sizeof(zero)) != 0);
    CHECK(stat(p.beside, &stat_) == 0);
    CHECK_EQ_INT(stat_.st_mode & 0777, 0600);
    CHECK_EQ_INT(master_key_load(NULL, p.data, again, &p.problem), OK);
    CHECK(memcmp(p.key, again, sizeof(again)) == 0);
    CHECK_EQ_INT(master_key_load(p.beside, p.data, again, &p.problem), OK);
    CHECK(memcmp(p.key, again, sizeof(again)) == 0);
}

TEST(master_default_place, "the default place is beside the data, however its path is written")
{
    char path[PATH_BYTES + 16];
    struct places p;

    open_places(&p);
    snprintf(path, sizeof(path), "%s///", p.data);
    CHECK_EQ_INT(master_key_load(NULL, path, p.key, &p.problem), OK);
    CHECK(access(p.beside, F_OK) == 0);
    CHECK(unlink(p.beside) == 0);
    snprintf(path, sizeof(path), "%s/.", p.data);
    CHECK_EQ_INT(master_key_load(NULL, path, p.key, &p.problem), OK);
    CHECK(access(p.beside, F_OK) == 0);
    CHECK(unlink(p.beside) == 0);
    CHECK(rmdir(p.data) == 0); /* Not made yet: a first start. */
    CHECK_EQ_INT(master_key_load(NULL, p.data, p.key, &p.problem), OK);
    CHECK(access(p.beside, F_OK) == 0);
}

TEST(master_not_inside, "a key file inside the data directory is refused, also behind a link")
{
    char link[PATH_BYTES], roundabout[PATH_BYTES + 32];
    struct places p;

    open_places(&p);
    CHECK_EQ_INT(master_key_load(p.inside, p.data, p.key, &p.problem), ERR_BAD_INPUT);
    CHECK_EQ_STR(p.problem.code, "key_file_inside");
    CHECK(access(p.inside, F_OK) != 0); /* And not made. */
    snprintf(roundabout, sizeof(roundabout), "%s/../data/master.key", p.data);
    CHECK_EQ_INT(master_key_load(roundabout, p.data, p.key, &p.problem), ERR_BAD_INPUT);
    write_file(p.inside, good, 0600);
    snprintf(link, sizeof(link), "%s/link.key", test_dir());
    CHECK(symlink(p.inside, link) == 0);
    CHECK_EQ_INT(master_key_load(link, p.data, p.key, &p.problem), ERR_BAD_INPUT);
    CHECK_EQ_STR(p.problem.code, "key_file_inside");
    CHECK_EQ_INT(master_key_load(p.beside, p.data, p.key, &p.problem), OK);
}

TEST(master_exposed, "a key file that others may read or write is refused")
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0644, 0666};
    struct places p;

    open_places(&p);
    for (size_t k = 0; k < sizeof(modes) / sizeof(modes[0]); k++) {
        write_file(p.other, good, modes[k]);
        CHECK_EQ_INT(master_key_load(p.other, p.data, p.key, &p.problem), ERR_FORBIDDEN);
        CHECK_EQ_STR(p.problem.code, "key_file_exposed");
    }
    write_file(p.other, good, 0600);
    CHECK_EQ_INT(master_key_load(p.other, p.data, p.key, &p.problem), OK);
    check_is_good(&p);
    CHECK(chmod(p.other, 0400) == 0);
    CHECK_EQ_INT(master_key_load(p.other, p.data, p.key, &p.problem), OK);
}

TEST(master_bad_file, "a file that holds no key is refused and left alone")
{
    static const char *const texts[] = {"",
                                        "\n",
                                        "AAEC",
                                        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh",
                                        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A",
                                        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9",
                                        "the key is under the mat, the key is under!"};
    struct places p;
    char text[64] = "";

    open_places(&p);
    for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
        FILE *file;

        write_file(p.other, texts[k], 0600);
        CHECK_EQ_INT(master_key_load(p.other, p.data, p.key, &p.problem), ERR_BAD_INPUT);
        CHECK_EQ_STR(p.problem.code, "bad_master_key");
        file = fopen(p.other, "r");
        CHECK(file != NULL);
        CHECK_EQ_INT(fread(text, 1, sizeof(text), file), strlen(texts[k]));
        CHECK(memcmp(text, texts[k], strlen(texts[k])) == 0);
        fclose(file);
    }
}

TEST(master_other_forms, "what other tools write as base64 is taken: padding, line end, + and /")
{
    struct places p;

    open_places(&p);
    write_file(p.other, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\r\n", 0600);
    CHECK_EQ_INT(master_key_load(p.other, p.data, p.key, &p.problem), OK);
    check_is_good(&p);
    write_file(p.other, "////////////////////////////////////////++8=\n", 0600);
    CHECK_EQ_INT(master_key_load(p.other, p.data, p.key, &p.problem), OK);
    CHECK_EQ_INT(p.key[0], 0xff);
    CHECK_EQ_INT(p.key[31], 0xef);
}

TEST(master_odd_files, "a directory, a device and a place that cannot be reached are refused")
{
    struct places p;

    open_places(&p);
    CHECK(mkdir(p.other, 0700) == 0);
    CHECK_EQ_INT(master_key_load(p.other, p.data, p.key, &p.problem), ERR_STORAGE);
    CHECK_EQ_INT(master_key_load("/dev/null", p.data, p.key, &p.problem), ERR_STORAGE);
    CHECK_EQ_INT(master_key_load("/no/such/place/key", p.data, p.key, &p.problem), ERR_STORAGE);
    CHECK_EQ_STR(p.problem.code, "key_file");
    CHECK_EQ_INT(master_key_load(NULL, NULL, p.key, &p.problem), ERR_BAD_INPUT);
    CHECK_EQ_STR(p.problem.code, "no_master_key");
}

TEST(master_from_environment, "GREVY_MASTER_KEY goes before any file, and a bad one is refused")
{
    struct places p;

    open_places(&p);
    setenv("GREVY_MASTER_KEY", good, 1);
    CHECK_EQ_INT(master_key_load(NULL, p.data, p.key, &p.problem), OK);
    check_is_good(&p);
    CHECK(access(p.beside, F_OK) != 0);
    CHECK_EQ_INT(master_key_load(NULL, NULL, p.key, &p.problem), OK);
    setenv("GREVY_MASTER_KEY", "short", 1);
    CHECK_EQ_INT(master_key_load(NULL, p.data, p.key, &p.problem), ERR_BAD_INPUT);
    CHECK_EQ_STR(p.problem.code, "bad_master_key");
    setenv("GREVY_MASTER_KEY", "", 1);
    CHECK_EQ_INT(master_key_load(NULL, p.data, p.key, &p.problem), ERR_BAD_INPUT);
    unsetenv("GREVY_MASTER_KEY");
}
