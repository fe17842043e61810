/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of the folders and files it is given, in place of libFuzzer: the inputs that were
 * found once are tested for ever. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed;

static void replay_file(const char *path) {
    FILE *file = fopen(path, "rbe");
    uint8_t *data = NULL;
    size_t size = 0, capacity = 0, got;

    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    do {
        capacity = capacity * 2 + 4096;
        data = realloc(data, capacity);
        if (data == NULL)
            abort();
        got = fread(data + size, 1, capacity - size, file);
        size += got;
    } while (size == capacity);
    fclose(file);
    /* An allocation of the exact size, so that the sanitizer sees a read beyond the end. */
    data = realloc(data, size > 0 ? size : 1);
    if (data == NULL)
        abort();
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    replayed++;
}

static void replay_folder(const char *path) {
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);

    if (count < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    for (int i = 0; i < count; i++) {
        char name[4096];

        snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            replay_file(name);
        free(entries[i]);
    }
    free(entries);
}

int main(int count, char **arguments) {
    for (int i = 1; i < count; i++) {
        struct stat status;

        if (stat(arguments[i], &status) == 0 && S_ISDIR(status.st_mode))
            replay_folder(arguments[i]);
        else
            replay_file(arguments[i]);
    }
    printf("%zu inputs replayed\n", replayed);
    return replayed > 0 ? 0 : 1;
}
