/*
 * replay.c - main of NAME_fuzz_replay: run the fuzz target over every given file, and over the
 * empty input.  A crash ends it; the last line printed names the file.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/kit/fuzz.h"

enum { FILE_BYTES_MAX = 16 << 20 }; /* Of one corpus file; larger ones are not regressions. */

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *exact;
    uint8_t *data;
    size_t size;

    if (!file) {
        perror(path);
        return 1;
    }
    data = malloc(FILE_BYTES_MAX);
    size = data ? fread(data, 1, FILE_BYTES_MAX, file) : 0;
    fclose(file);
    /* A block of exactly this size, so that ASan sees a read of one byte too many. */
    exact = data ? malloc(size ? size : 1) : NULL;
    if (!exact) {
        fprintf(stderr, "%s: out of memory\n", path);
        free(data);
        return 1;
    }
    memcpy(exact, data, size);
    free(data);
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

static int replay_dir(const char *dir, int *count)
{
    DIR *d = opendir(dir);
    char path[4096];
    int bad = 0;

    if (!d) {
        perror(dir);
        return 1;
    }
    for (struct dirent *entry = readdir(d); entry; entry = readdir(d)) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        bad |= replay_file(path);
        (*count)++;
    }
    closedir(d);
    return bad;
}

int main(int argc, char **argv)
{
    int count = 0;
    int bad = 0;

    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int k = 1; k < argc; k++)
        bad |= replay_dir(argv[k], &count);
    printf("%d inputs replayed\n", count);
    return bad;
}
