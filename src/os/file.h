/* Files: durable words (write aside, fsync, rename, fsync of the folder), reading whole files, listing folders. Blocking: office start,
 * docks and jobs only, except where a connector reads a local file in bounded pieces. */
#ifndef SL_OS_FILE_H
#define SL_OS_FILE_H
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include <stdbool.h>
#include <stdint.h>
sl_err *sl_file_read(const char *path, size_t limit, sl_buf *out); /* appends */
sl_err *sl_file_write_durable(const char *path, sl_str bytes);     /* aside, fsync, rename, fsync folder */
sl_err *sl_dir_make(const char *path);                             /* with parents, 0755 */
typedef struct sl_dirent {
    char *name;
    bool dir;
    int64_t size, mtime_ms;
} sl_dirent;
typedef SL_VEC(sl_dirent) sl_dirlist;
sl_err *sl_dir_list(const char *path, sl_dirlist *out); /* sorted by name; free with sl_dirlist_free */
void sl_dirlist_free(sl_dirlist *l);
bool sl_file_exists(const char *path);
/* dir + "/" + name in a new malloc'd string; name absolute = name alone. */
char *sl_path_join(const char *dir, const char *name);
#endif
