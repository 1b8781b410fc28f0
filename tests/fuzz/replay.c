/* Plain driver of fuzz targets where libFuzzer is not to be had: runs every file of the named folders; files written by hand also cut short
 * and with flipped bytes in a fixed order, so that a failure repeats. Files that the fuzzer found (named by a SHA-1) are run as they are. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const uint8_t *data, size_t n) {
    uint8_t *copy = malloc(n ? n : 1); /* its own memory, so that reading behind it is seen */
    if (!copy)
        exit(1);
    memcpy(copy, data, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}
static bool found(const char *path) {
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    return strlen(name) == 40 && strspn(name, "0123456789abcdef") == 40;
}
static size_t file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    static uint8_t data[1 << 16];
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    run(data, n);
    if (found(path))
        return 1;
    size_t few = n > 512 ? 512 : n;
    for (size_t i = 0; i < few; i++)
        run(data, i);
    uint64_t x = 88172645463325252u;
    for (int i = 0; i < 2000 && n; i++) {
        uint8_t was[4];
        size_t at[4];
        for (int k = 0; k < 4; k++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            at[k] = (x >> 8) % n;
            was[k] = data[at[k]];
            data[at[k]] = (uint8_t)x;
        }
        run(data, n);
        for (int k = 3; k >= 0; k--)
            data[at[k]] = was[k];
    }
    return 1;
}
int main(int argc, char **argv) {
    size_t files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *d = opendir(argv[i]);
        if (!d) /* one file */
            files += file(argv[i]);
        for (struct dirent *e; d && (e = readdir(d));) {
            char path[4096];
            if (e->d_name[0] != '.' && (size_t)snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name) < sizeof path)
                files += file(path);
        }
        if (d)
            closedir(d);
    }
    printf("%zu files replayed\n", files);
    return files ? 0 : 1;
}
